"""What code prints while it is explored: held back, and kept of one run, up to 2,000 characters."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from course_lib.explore.loop import Progress
from course_lib.explore.tally import Tally

MOST = 2_000


class Printed(io.TextIOBase):
    """Keeps the first 2,000 characters that are written."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if len(self.text) < MOST:
            self.text += text[: MOST - len(self.text)]
        return len(text)

    def forget(self) -> None:
        """A run begins."""
        self.text = ""


@contextmanager
def held_back() -> Iterator[Printed]:
    """Code prints into what this yields, and its warnings go nowhere. If it raises, what it printed is let out."""
    printed, out = Printed(), sys.stdout
    try:
        with redirect_stdout(printed), redirect_stderr(Printed()):
            yield printed
    except Exception:
        out.write(printed.text)
        raise


def let_out(shows: Progress) -> Progress:
    """For a bar that is shown meanwhile: it prints where it would have printed before."""
    out, err = sys.stdout, sys.stderr

    def told(tally: Tally) -> object:
        with redirect_stdout(out), redirect_stderr(err):
            return shows(tally)

    return told
