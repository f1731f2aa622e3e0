"""A program: confines a forked child by each of many limits drawn by a seed, and reads back what holds.

python -I draws.py COURSE SEED COUNT
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from types import ModuleType


def main() -> None:
    course, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for name in ("course_lib", "course_lib.grading", "course_lib.grading.sandbox"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [os.path.join(course, *name.split(".")[1:])]
    from course_lib.grading.sandbox.confine import confine
    from course_lib.grading.sandbox.limits import RANGES, Quota

    drawn = random.Random(seed)
    for _ in range(count):
        low, high = RANGES["memory"]
        limits = Quota(
            cpu=drawn.randint(*map(int, RANGES["cpu"])),
            memory=int(low * (high / low) ** drawn.random()),
            open_files=drawn.randint(*map(int, RANGES["open_files"])),
        )
        before = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if (pid := os.fork()) == 0:
            confine(limits)
            names = ("CPU", "AS", "NOFILE", "FSIZE", "CORE", "NPROC")
            got = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names}
            print(json.dumps([limits.cpu, limits.memory, min(limits.open_files, before), got]), flush=True)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            sys.exit(f"confine failed with {limits}")


main()
