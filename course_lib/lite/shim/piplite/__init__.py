"""In place of what would fetch packages from an index: this edition has all that it needs, and asks no other host.

It is the first module that a kernel imports, so it takes the notebook's folder from where imports look first: each
look into it is a request to the page, and there were a hundred before a lesson began. `course_lib.lite.kernel` puts it
last.
"""

from __future__ import annotations

import sys
from typing import Any

sys.path[:] = [place for place in sys.path if place]


async def install(*requirements: Any, **options: Any) -> None:
    """Refuse, with a sentence. Raises: RuntimeError."""
    raise RuntimeError("In a browser the course has the packages that it needs; others cannot be installed.")
