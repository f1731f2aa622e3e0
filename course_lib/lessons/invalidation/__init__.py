"""Lesson 06, invalidate: a writer changes a row, and copies of it are in Redis and in processes. Its modules.

- `exercises`               06.1 to 06.5
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "course_lib.errors": "NoServer",
        "course_lib.servers": "Server",
        "course_lib.views.table": "table",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
    },
)
