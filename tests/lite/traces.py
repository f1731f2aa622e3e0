"""Print the digest of the simulation's traces, in a Python that has no pytest."""

from __future__ import annotations

import sys
from unittest.mock import MagicMock

if __name__ == "__main__":
    sys.modules["pytest"] = MagicMock()  # the module below is imported for its scenarios, not for its tests
    from ..sim.test_determinism import digest

    print(digest())
