"""Lesson 08, the capstone: one service under fire, a review of published code, a sheet to take to work. Its modules.

- `programs`                two published programs by their shape, to be read and broken, and mended ones
- `exercises`               08.1 to 08.5
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "course_lib.errors": "NoServer",
        "course_lib.sim": "OneFault",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.spacetime": "SpaceTime",
    },
)
