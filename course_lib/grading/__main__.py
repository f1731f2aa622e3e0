"""`python -m course_lib.grading SUBMISSIONS --out REPORT`: see `--help`, and solutions/README.md."""

from __future__ import annotations

import sys

from course_lib.grading.batch.commands import main

if __name__ == "__main__":
    sys.exit(main())
