"""Lesson 05, survive the stampede: a crowd at one key that expires. Its modules.

- `experiment_burst`        a few callers at one missing key, small enough to draw every command
- `experiment_crowd`        a crowd that reads one key, and what became of it: the questions and the numbers
- `experiment_crowd_run`    the crowd under each remedy, in any world
- `experiment_remedies`     the remedies by name: a pattern and its parameters
- `experiment_real`         the crowd for real: processes that share one server
- `picture_crowd`, `picture_charts`, `picture_head`, `picture_before_after`
- `lab`                     the crowd, with controls
- `programs`                recipes that learners read and break
- `exercises`               05.1 to 05.5
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "experiment_burst": "burst",
        "experiment_crowd": "Crowd",
        "experiment_crowd_run": "play",
        "experiment_real": "RealCrowd",
        "experiment_remedies": "STRATEGIES",
        "picture_charts": "loads_per_expiry remedies",
        "lab": "stampede_lab",
        "course_lib.errors": "NoServer",
        "course_lib.servers": "Server",
        "course_lib.sim": "Draws OneFault",
        "course_lib.views.expiries": "expiries",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.widgets.theatre": "theatre",
    },
)
