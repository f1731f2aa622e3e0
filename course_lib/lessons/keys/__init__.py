"""Lesson 02, name and version keys: a rolling deploy, a flush, an audit. Its modules.

- `experiment_rollout`       a rolling deploy and what became of it: the questions and the numbers
- `experiment_rollout_run`   two versions of a program that share one cache, in any world
- `experiment_real`          on a real server: what a bump costs, who waits for a big command
- `experiment_eviction`      whom a real server throws out when its memory is full
- `picture_rollout`, `picture_keyspace`, `picture_head`
- `lab`                      the rolling deploy, with controls
- `programs`                 what learners read and break
- `exercises`                02.1 to 02.6
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "experiment_real": "EXPERIMENTS measure",
        "experiment_rollout": "Rollout",
        "experiment_rollout_run": "play",
        "picture_keyspace": "after_bump memory miss_shares",
        "picture_rollout": "rollout_picture",
        "lab": "rollout_lab",
        "course_lib.errors": "BadArgument NoServer",
        "course_lib.servers": "Server",
        "course_lib.sim": "Draws",
        "course_lib.views.expiries": "expiries",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.theatre": "theatre",
        "course_lib.worlds": "Embedded Simulated",
    },
)
