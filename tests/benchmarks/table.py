"""One table for a run of benchmarks: what was measured, how often, against which bar, beside which peer.

A bar is a ratio of two rows of one run: machines differ by two, and so does one machine from hour to hour.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Row:
    """One measurement, repeated. Of speeds ("/s") and of "times as fast" more is better, of all else less."""

    name: str
    unit: str
    values: list[float]
    floor: float | None = None
    cpu: float | None = None

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s") or self.unit == "times as fast"

    @property
    def best(self) -> float:
        return max(self.values) if self.more_is_better else min(self.values)

    @property
    def holds(self) -> bool:
        if self.floor is None:
            return True
        return self.best >= self.floor if self.more_is_better else self.best <= self.floor


@dataclass
class Table:
    """Rows, and the machine on which they were measured."""

    rows: list[Row] = field(default_factory=list)

    def measure(self, name: str, work: Callable[[], object], *, times: int, floor: float | None = None) -> Row:
        """Seconds of `work()`, several times; and its least processor time, which other programs spoil less."""
        walls, cpus = [], []
        for _ in range(times):
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        return self.add(Row(name, "s", walls, floor, min(cpus)))

    def times_as_fast(self, name: str, ours: Row, theirs: Row, bar: float) -> Row:
        """By processor time, of which other programs take less than of the clock's."""
        assert ours.cpu is not None
        assert theirs.cpu is not None
        per_second = ours.unit.endswith("/s")
        ratio = ours.cpu / theirs.cpu if per_second else theirs.cpu / ours.cpu
        return self.add(Row(name, "times as fast", [ratio], bar))

    def add(self, row: Row) -> Row:
        self.rows.append(row)
        return row

    def text(self) -> str:
        load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        lines = [f"{os.cpu_count()} cores{load}", f"{'':44} {'best':>9} {'median':>9} {'cpu':>9} {'bar':>9}"]
        for row in self.rows:
            best, median = f"{row.best:.4g}", f"{statistics.median(row.values):.4g}"
            cpu = "" if row.cpu is None else f"{row.cpu:.4g}"
            floor = "" if row.floor is None else f"{row.floor:g}{'' if row.holds else ' MISSED'}"
            lines.append(f"{row.name:44} {best:>9} {median:>9} {cpu:>9} {floor:>9}  {row.unit}")
        return "\n".join(lines)
