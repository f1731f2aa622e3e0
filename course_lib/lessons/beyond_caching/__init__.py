"""Lesson 07, beyond caching: the basket, the parcel, the bestseller list. Its modules.

- `programs`                sessions, workers and lists that learners read and break
- `exercises`               07.1 and more
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "course_lib.errors": "NoServer",
        "course_lib.servers": "Server",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
    },
)
