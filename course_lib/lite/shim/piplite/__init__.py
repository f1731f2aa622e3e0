"""In place of what would fetch packages from an index: this edition has all that it needs, and asks no other host."""

from __future__ import annotations

from typing import Any


async def install(*requirements: Any, **options: Any) -> None:
    """Refuse, with a sentence. Raises: RuntimeError."""
    raise RuntimeError("In a browser the course has the packages that it needs; others cannot be installed.")
