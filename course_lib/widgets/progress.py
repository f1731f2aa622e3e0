"""A progress bar that goes away when it is done, and leaves nothing in a saved notebook."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from time import monotonic
from typing import Any, TypeVar

import ipywidgets as w
from IPython import get_ipython

from course_lib.views.picture import escape
from course_lib.widgets import fallback

PATIENCE, EVERY = 0.5, 0.1
"""Seconds of real time without a bar, and between two changes of it."""

Item = TypeVar("Item")


class Bar:
    """How many of `total` are done; `update()` says that one more is.

    It is a widget, as nothing else can change what stands in another widget's output. Outside of a notebook it shows
    nothing. Units: `patience`, seconds of real time without a bar.
    """

    def __init__(self, desc: str, total: int | None = None, *, patience: float = PATIENCE) -> None:
        self.n, self._desc, self._total = 0, desc, total
        self._next = monotonic() + patience
        self._line: Any = None

    def update(self, more: int = 1) -> None:
        """Say how many more are done."""
        self.n += more
        if monotonic() < self._next or not getattr(get_ipython(), "kernel", None):
            return
        self._next = monotonic() + EVERY
        if self._line is None:
            self._line = w.HTML()
            fallback.show(self._line, "", "bar" + secrets.token_hex(4), plain="")
        what = escape(self._desc)
        done = "" if self._total is None else f' max="{max(self._total, self.n)}" value="{self.n}"'
        of = "" if self._total is None else f" of {self._total:,}"
        self._line.value = f'<progress aria-label="{what}"{done}></progress> {what}: {self.n:,}{of}'

    def close(self) -> None:
        """Take it away. Safe to call twice."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def progress(items: Collection[Item], desc: str) -> Iterator[Item]:
    """The items one by one, with a bar that says how many are done. It goes when all are."""
    with Bar(desc, len(items)) as bar:
        for item in items:
            yield item
            bar.update()
