"""A bar for a check that takes longer than a second; a quick one shows none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

PATIENCE = 1.0
"""Seconds without a bar, and a fifth of them between two drawings of it."""


class CheckBar:
    """Tells `begin` of every schedule, and draws a bar in a notebook; elsewhere it draws nothing."""

    def __init__(self, begin: Callable[[], object]) -> None:
        self._begin, self._next, self._handle = begin, monotonic() + PATIENCE, None

    def __call__(self, done: int, expected: int) -> None:
        self._begin()
        now = monotonic()
        if now >= self._next:
            self._next = now + PATIENCE / 5
            self._draw(f'<progress max="{expected}" value="{done}"></progress> {done:,} schedules of this trial')

    def __enter__(self) -> CheckBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._draw("")

    def _draw(self, html: str) -> None:
        if "ipykernel" not in sys.modules:
            return
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle: Any = display(HTML(html), display_id=True)  # type: ignore[no-untyped-call,no-redef]
        else:
            self._handle.update(HTML(html))
