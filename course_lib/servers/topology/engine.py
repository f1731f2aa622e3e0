"""The container engine that runs docker-compose.yml here: Docker with its compose plugin, or podman-compose."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.errors import NoEngine, ServerFailed
from course_lib.servers.topology.compose_file import COMPOSE

PROJECT = "redis-course"  # the file's `name`
LABEL = "com.docker.compose"  # both engines' tools set .project and .service on each container
LAST_WORDS = 6  # lines of what an engine said in an error message
BRIEF, LONG = 20.0, 300.0  # s for a command to one container, and for those that may fetch an image first
CANDIDATES = (("docker", ("docker", "compose")), ("podman", ("podman-compose",)))


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the project: its identity, the service that it runs, and whether it runs."""

    id: str
    service: str
    runs: bool


@dataclass(frozen=True, slots=True)
class Engine:
    """`cli` knows containers, `compose` knows docker-compose.yml. Each is a command with its first words.

    Raises: ServerFailed, with the command's last words, if a command fails or takes too long.
    """

    cli: str
    compose: tuple[str, ...]

    def containers(self) -> dict[str, Container]:
        """The project's containers by service, those that have ended too. Cost: two commands, about 0.1 s."""
        labeled = f"label={LABEL}.project={PROJECT}"
        found = self.run("ps", "--all", "--quiet", "--filter", labeled).split()
        described = json.loads(self.run("inspect", "--type", "container", *found)) if found else []
        made = [
            Container(one["Id"], one["Config"]["Labels"].get(f"{LABEL}.service", ""), bool(one["State"]["Running"]))
            for one in described
        ]
        return {container.service: container for container in made}

    def run(self, *words: str, within: float = BRIEF) -> str:
        """One command to the engine; what it prints."""
        return _printed((self.cli, *words), within)

    def composed(self, profiles: Sequence[str], *words: str) -> str:
        """One command to compose, with these profiles."""
        chosen = [word for profile in profiles for word in ("--profile", profile)]
        return _printed((*self.compose, "--file", str(COMPOSE), *chosen, *words), LONG)


def find_engine() -> Engine:
    """The engine of this machine: Docker if it answers, else Podman with podman-compose.

    Raises: NoEngine, which says of each what is missing.
    """
    misses = []
    for cli, compose in CANDIDATES:
        absent = [word for word in dict.fromkeys((cli, compose[0])) if shutil.which(word) is None]
        if absent:
            misses.append(f"  {cli}: there is no {' and no '.join(absent)} on PATH")
            continue
        try:
            _printed((cli, "ps", "--quiet"), BRIEF)  # Docker's client can be there without its daemon
            _printed((*compose, "version"), BRIEF)
            return Engine(cli, compose)
        except ServerFailed as error:
            misses.append(f"  {cli}: {str(error).splitlines()[-1].strip()}")
    raise NoEngine(
        "No container engine answers here. Looked for:\n"
        + "\n".join(misses)
        + "\nStart Docker, or install podman and podman-compose. Topology runs the same servers without containers."
    )


def _printed(command: Sequence[str], within: float) -> str:
    asked = " ".join(command[:8])
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=within, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise ServerFailed(f"`{asked} …` did not end within {within:g} s") from None
    except OSError as error:
        raise ServerFailed(f"`{asked} …` cannot be run: {error.strerror}") from None
    if done.returncode:
        words = [f"  {line}" for line in (done.stdout + done.stderr).splitlines() if line.strip()][-LAST_WORDS:]
        raise ServerFailed("\n".join([f"`{asked} …` ended with status {done.returncode}:", *words]))
    return done.stdout
