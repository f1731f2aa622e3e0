"""What a caller may ask of a topology: which of a profile's servers, and which settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from course_lib.servers.topology.compose_file import Service, services

# Settings on which a topology's promises rest.
OURS = frozenset(
    {
        *("bind", "port", "dir", "daemonize", "logfile", "include", "unixsocket", "tls-port", "protected-mode"),
        *("requirepass", "masterauth", "replicaof", "slaveof", "replica-announce-ip", "replica-announce-port"),
        *("cluster-enabled", "cluster-config-file", "cluster-port", "cluster-announce-ip"),
        *("cluster-announce-port", "cluster-announce-bus-port"),
    }
)


def chosen(profile: str, names: Iterable[str] | None) -> tuple[Service, ...]:
    """The profile's servers, or those of them that were named; those that others need must be among them."""
    there = services(profile)
    wanted = {service.name for service in there} if names is None else set(names)
    if strange := wanted - {service.name for service in there}:
        known = ", ".join(service.name for service in there)
        raise ValueError(f"{profile!r} has no {', '.join(sorted(strange))}; there are: {known}")
    if not wanted or (profile == "sentinel" and there[0].name not in wanted):
        raise ValueError(f"{profile!r} needs {there[0].name if profile == 'sentinel' else 'a server'}")
    return tuple(service for service in there if service.name in wanted)


def checked(config: Mapping[str, str]) -> dict[str, str]:
    """The settings, if they can be one line each and leave alone what a topology rests on."""
    for key, value in config.items():
        if key.lower() in OURS:
            raise ValueError(f"{key} is set by Topology itself and cannot be in config")
        if "\n" in f"{key}{value}" or not key.strip():
            raise ValueError(f"a setting is one line, this is not: {key!r}: {value!r}")
    return {key.lower(): value for key, value in config.items()}
