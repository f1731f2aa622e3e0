"""`python -m course_lib.grading SUBMISSIONS --out REPORT`: see `--help`, and solutions/README.md."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from course_lib.grading.batch.commands import main


def run(arguments: Sequence[str] | None = None) -> int:
    """Run `main` as a program. If a cluster ends it by SIGTERM, a report is written, as after Control-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run())
