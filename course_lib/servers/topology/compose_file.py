"""docker-compose.yml, the one description of every topology: which servers a profile has, and how each is started."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"
CONFIG = Path(__file__).parents[1] / "config"
MOUNTED = "/config/"  # where CONFIG is seen in a container
REPLICATES = "course.replicates"  # the label of a cluster's replica: whose
# The words before a server's port, the outermost first: where others reach it, where it listens itself.
PORTS = ("--replica-announce-port", "announce-port", "--port")
REPLICA = MOUNTED + "replica.conf"  # what a server that starts as a replica has, except in a cluster
RELAY = "relay"  # the service before the nodes of a topology whose nodes talk to each other

# Settings that the file decides: a caller cannot change them, because what a topology promises rests on them.
OURS = frozenset(
    {
        *("bind", "port", "dir", "daemonize", "logfile", "include", "unixsocket", "tls-port", "protected-mode"),
        *("requirepass", "masterauth", "replicaof", "slaveof", "replica-announce-ip", "replica-announce-port"),
        *("cluster-enabled", "cluster-config-file", "cluster-port", "cluster-announce-ip"),
        *("cluster-announce-port", "cluster-announce-bus-port"),
    }
)


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
    named = [profile for body in bodies().values() if _is_server(body) for profile in body["profiles"]]
    return tuple(dict.fromkeys(named))


def services(profile: str) -> tuple[Service, ...]:
    """The servers of a profile, in the file's order; each comes after those that it depends on.

    Raises: ValueError if no server has that profile.
    """
    if profile not in profiles():
        raise ValueError(f"no topology is called {profile!r}; there are: {', '.join(profiles())}")
    chosen = {n: body for n, body in bodies().items() if _is_server(body) and profile in body["profiles"]}
    return tuple(_service(name, body) for name, body in chosen.items())


def chosen(profile: str, names: Iterable[str] | None) -> tuple[Service, ...]:
    """The profile's servers, or those of them that are named.

    Raises: ValueError for a profile or a name that is unknown, or if a server that the others need is missing.
    """
    there = services(profile)
    wanted = {service.name for service in there} if names is None else set(names)
    if strange := wanted - {service.name for service in there}:
        known = ", ".join(service.name for service in there)
        raise ValueError(f"{profile!r} has no {', '.join(sorted(strange))}; there are: {known}")
    if not wanted or (profile == "sentinel" and there[0].name not in wanted):
        raise ValueError(f"{profile!r} needs {there[0].name if profile == 'sentinel' else 'a server'}")
    return tuple(service for service in there if service.name in wanted)


def relay_port(profile: str) -> int | None:
    """Where the relay in its container hears orders, or None if the profile has none."""
    relay = bodies()[RELAY]
    if profile not in relay["profiles"]:
        return None
    (port,) = [int(word) for word in relay["command"] if word.isdecimal()]
    return port


@functools.cache
def bodies() -> dict[str, dict[str, Any]]:
    """What the file says of every service, servers and others."""
    import yaml  # late: a browser's Python has none, and no servers either

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
