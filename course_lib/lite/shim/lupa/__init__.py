"""What the course needs of the package `lupa`, for a Python in a browser, where that package cannot be had.

It stands in front of the real one nowhere else: the browser edition alone puts this folder on its path.
"""

from __future__ import annotations

import contextlib

__version__ = "2.8"


def allow_lua_module_loading() -> contextlib.AbstractContextManager[None]:
    """Nothing to allow: there are no modules of C's here."""
    return contextlib.nullcontext()
