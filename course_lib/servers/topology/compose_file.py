"""docker-compose.yml, the one description of every topology: which servers a profile has, and how each is started."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"
CONFIG = Path(__file__).parents[1] / "config"
MOUNTED = "/config/"  # where CONFIG is seen in a container
REPLICATES = "course.replicates"  # the label of a cluster's replica: whose
# The words before a server's port, the outermost first: where others reach it, where it listens itself.
PORTS = ("--replica-announce-port", "announce-port", "--port")
REPLICA = MOUNTED + "replica.conf"  # the configuration of a server that starts as a replica, but for a cluster's
RELAY = "relay"  # the service before the nodes of a topology whose nodes talk to each other


@dataclass(frozen=True, slots=True)
class Service:
    """One server of a profile: its name, the port at which others reach it, and its command as an engine would run it.

    `kind` is "data" or "sentinel". `replicates` names the primary of a cluster's replica and is "" elsewhere.
    """

    name: str
    kind: str
    port: int
    command: tuple[str, ...]
    replicates: str = ""

    @property
    def follows(self) -> bool:
        """Whether it starts as a replica of the profile's first server."""
        return REPLICA in self.command


def profiles() -> tuple[str, ...]:
    """Every profile that has a server."""
    named = [profile for body in _services().values() if _is_server(body) for profile in body["profiles"]]
    return tuple(dict.fromkeys(named))


def services(profile: str) -> tuple[Service, ...]:
    """The servers of a profile, in the file's order; each comes after those that it depends on.

    Raises: ValueError if no server has that profile.
    """
    if profile not in profiles():
        raise ValueError(f"no topology is called {profile!r}; there are: {', '.join(profiles())}")
    chosen = {n: body for n, body in _services().items() if _is_server(body) and profile in body["profiles"]}
    return tuple(_service(name, body) for name, body in chosen.items())


def relay_port(profile: str) -> int | None:
    """Where the relay in its container hears orders, or None if the profile has none."""
    relay = _services()[RELAY]
    if profile not in relay["profiles"]:
        return None
    (port,) = [int(word) for word in relay["command"] if word.isdecimal()]
    return port


@functools.cache
def _services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def _is_server(body: dict[str, Any]) -> bool:
    return list(body.get("command", ()))[:1] == ["redis-server"]


def _service(name: str, body: dict[str, Any]) -> Service:
    command = tuple(str(word).replace("$$", "$") for word in [*body.get("entrypoint", ()), *body["command"]])
    kind = "sentinel" if "--sentinel" in command else "data"
    before = next(word for word in PORTS if word in command)
    port = int(command[command.index(before) + 1])
    return Service(name, kind, port, command, body.get("labels", {}).get(REPLICATES, ""))
