"""A class in parts, each graded on a machine of its own, and put together again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.grading.batch import overrides
from course_lib.grading.batch.class_record import ClassRecord, Plan, plan, standing
from course_lib.grading.batch.report import report


class NotOneClass(CourseError):
    """The reports are not parts of one class, or not all of them."""


def merge(parts: Sequence[Path], out: Path) -> ClassRecord:
    """One report from those of all parts. Raises: NotOneClass, NoReport, BadOverride; and has written nothing."""
    plans = {part: plan(part) for part in parts}
    whole = _whole(plans)
    by_hand = {key: one for part in parts for key, one in overrides.read(part).items()}
    if (out / overrides.FILE).exists():  # what was set in the whole counts more
        by_hand |= overrides.read(out)
    (out / "records").mkdir(parents=True, exist_ok=True)
    for part in parts:
        if part.resolve() != out.resolve():
            for path in sorted((part / "records").glob("*.json")):
                shutil.copyfile(path, out / "records" / path.name)
    if by_hand:
        overrides.save(out, by_hand)
    whole.save(out)
    made = standing(out)
    report(made, out)
    return made


def _whole(plans: dict[Path, Plan]) -> Plan:
    (first, one), *others = plans.items()
    for path, other in others:
        for name, what in (
            ("fingerprint", "secret"),
            ("revision", "edition of the course"),
            ("lessons", "set of lessons"),
        ):
            if getattr(other, name) != getattr(one, name):
                raise NotOneClass(f"{path} was graded with another {what} than {first}.")
    parts = [shard for other in plans.values() for shard in other.shards]
    of = {shard.partition("/")[2] for shard in parts}
    if len(of) > 1:
        raise NotOneClass(f"The reports are parts of different divisions: {', '.join(sorted(set(parts)))}.")
    needed = [f"{number}/{n}" for n in of for number in range(1, int(n) + 1)]
    if missing := [shard for shard in needed if shard not in parts]:
        raise NotOneClass(f"These parts of the class are missing: {', '.join(missing)}.")
    students = {name: said for other in plans.values() for name, said in other.students.items()}
    remarks = dict.fromkeys(remark for other in plans.values() for remark in other.remarks)
    return Plan(one.lessons, students, tuple(remarks), one.fingerprint, one.revision)
