"""Other right answers of every exercise, by its number: each must pass as the solutions do."""

from __future__ import annotations

from typing import Any

from lessons.atomicity.right import ATOMICITY
from lessons.keys.right import VERSIONS
from lessons.locks.right import LOCKING
from lessons.stampedes.right import STAMPEDES
from lessons.topologies.right import TOPOLOGIES

RIGHT: dict[str, dict[str, Any]] = {**TOPOLOGIES, **VERSIONS, **ATOMICITY, **LOCKING, **STAMPEDES}
