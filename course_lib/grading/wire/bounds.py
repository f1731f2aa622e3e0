"""How much memory the judge may use for an answer: its commands are kept here, and so are what servers hold."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

MEMORY = 500 << 20
"""Bytes beyond what the process had when it first judged."""


@contextmanager
def bounded() -> Iterator[None]:
    """What asks for more gets a MemoryError. Where the system counts a process's data: Linux."""
    if not _first():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _first() + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def tidy() -> None:
    """Give back what is left of an answer that used much: else the next one would have less."""
    if _data() > _first() + MEMORY // 5:
        gc.collect()


@cache
def _first() -> int:
    return _data()


def _data() -> int:
    """Bytes of data that this process has; 0 where nobody knows."""
    try:
        import resource

        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return 0
