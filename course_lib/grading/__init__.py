"""Checks that teach: `check` judges an answer, `hint` helps, `replay` shows a schedule again.

from course_lib.grading import check, hint, replay
check("05.1", load_once)
"""

from course_lib.grading.checker import check, hint, replay
from course_lib.grading.verdict import Property, Verdict

__all__ = ["Property", "Verdict", "check", "hint", "replay"]
