"""A comparison: each contender in a process and an environment of its own, at one server, with rounds in turn."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from peers.environment import Script, is_built

from course_lib.servers import Proxy, Server

WARM_UP = 30  # calls before anything is measured: connections, scripts, imports


class Contender:
    """Its process at the server, and the same again behind proxies that count round trips."""

    def __init__(self, script: str, name: str, servers: Sequence[Server], stack: ExitStack) -> None:
        self.name = name
        self.script, self.servers, self.stack = script, servers, stack
        self.speaks = self._process([server.url for server in servers])

    def _process(self, urls: Iterable[str]) -> Script:
        ours = self.name.startswith(("ours", "minimal", "by hand", "redis.io"))
        group = "" if ours else "peers-redlock-ng" if self.name.startswith("redlock-ng") else "peers"
        process = self.stack.enter_context(Script(self.script, self.name, *urls, group=group))
        assert process.hear() == "ready"
        return process

    def another(self) -> Script:
        return self._process([server.url for server in self.servers])

    def round_trips(self, method: str, times: int = 20) -> float:
        """Of one call, on the wire, at all nodes together; the least of several, as some have housekeeping."""
        with ExitStack() as stack:
            proxies = [stack.enter_context(Proxy(server.port)) for server in self.servers]
            process = self._process([proxy.url for proxy in proxies])
            try:
                process.ask(["time", method, WARM_UP])
                counted = []
                for _ in range(times):
                    for proxy in proxies:
                        proxy.forget()
                    process.ask(["time", method, 1])
                    counted.append(sum(proxy.round_trips for proxy in proxies))
                return statistics.median(counted)
            finally:
                process.process.end()


def medians(contenders: Sequence[Contender], method: str, *, rounds: int, calls: int) -> dict[str, list[float]]:
    """The median µs of each round, in which each contender has its turn."""
    for contender in contenders:
        contender.speaks.ask(["time", method, WARM_UP])
    found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    print(f"\n{len(contenders)} contenders, {rounds} rounds of {calls} calls each:", end="", flush=True)
    for number in range(rounds):
        print(f" {number + 1}", end="", flush=True)
        for contender in contenders if number % 2 else reversed(contenders):
            found[contender.name].append(statistics.median(contender.speaks.ask(["time", method, calls])))
    return found


def times_minimal(found: dict[str, list[float]], name: str, minimal: str) -> float:
    """How many times as long as the minimal call of the same rounds, the median of all rounds."""
    return statistics.median(one / other for one, other in zip(found[name], found[minimal], strict=True))


def times_by_hand(contender: Contender, method: str, *, rounds: int = 11, calls: int = 100) -> float:
    """How many times as long as the same by hand: in one process, call by call in turn; the median of all rounds."""
    ratios = []
    for _ in range(rounds):
        ours, by_hand = contender.speaks.ask(["pair", method, calls])
        ratios.append(statistics.median(ours) / statistics.median(by_hand))
    return statistics.median(ratios)


def limit_of(server: Server, command: str) -> float | None:
    """The median µs of one command in redis-benchmark, with one connection; None where it is not installed."""
    tool = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if tool is None:
        return None
    line = [tool, "-p", str(server.port), "-c", "1", "-n", "5000", "--csv", *command.split()]
    printed = subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()
    head, *_, last = [row.strip('"').split('","') for row in printed if row]
    return float(last[head.index("p50_latency_ms")]) * 1000


def peers_are_built() -> bool:
    return is_built("peers") and is_built("peers-redlock-ng")


@dataclass
class Comparison:
    """Rows side by side, and the bars that were missed."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, *values: object) -> None:
        self.rows.append((name, *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)))

    def bar(self, holds: bool, sentence: str, *, known: str = "") -> None:
        """A bar that is missed fails the benchmark, unless it is known why: then the reason stands beside it."""
        reason = "" if holds or not known else f" (known: {known})"
        self.notes.append(f"{'holds ' if holds else 'MISSED'}  {sentence}{reason}")
        if not (holds or known):
            self.missed.append(sentence)

    def close(self) -> None:
        """Print it, and fail if a bar was missed."""
        print(self.text())
        if self.missed:
            pytest.fail("\n".join(["bars missed:", *self.missed]), pytrace=False)

    def text(self) -> str:
        load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        widths = [max(len(row[at]) for row in [("", *self.columns), *self.rows]) for at in range(len(self.columns) + 1)]
        lines = [f"\n\n{self.title} ({os.cpu_count()} cores{load})"]
        for name, *cells in [("", *self.columns), *self.rows]:
            shown = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *shown]))
        return "\n".join([*lines, *self.notes])
