"""Print of the modules that the first cells of a lesson import in a browser: which are compiled, and which a learner's.

None is, if each has byte code and its file is known to be of Python, of a package or of the course.
"""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

import IPython.core.interactiveshell

import course_lib.lesson
from course_lib.lessons.atomicity import Embedded, Scheduler, explore, no_lost_update, predict
from course_lib.sim.own_code import own_names

SHELL, BEGIN = IPython.core.interactiveshell.InteractiveShell, course_lib.lesson.begin
ASKED = (SHELL, BEGIN, Embedded, Scheduler, explore, no_lost_update, predict)


def uncompiled() -> list[str]:
    """Of the modules that are imported now, those of which a source was read and no byte code is beside it."""
    read = {name: Path(module.__file__) for name, module in sys.modules.items() if _has_source(module)}
    return [name for name, file in read.items() if not Path(cache_from_source(str(file))).exists()]


def _has_source(module: ModuleType) -> bool:
    """A part of Python itself has none that is read, and names a file all the same."""
    return (getattr(module, "__file__", None) or "").endswith(".py") and hasattr(module.__loader__, "get_data")


def learners() -> list[str]:
    """Those whose classes and globals a check would copy for each of the processes that it simulates."""
    return [name for name, module in sys.modules.items() if hasattr(module, "__file__") and own_names(vars(module))]


if __name__ == "__main__":
    print(*uncompiled())
    print(*learners())
