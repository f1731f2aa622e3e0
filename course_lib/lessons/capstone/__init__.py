"""Lesson 08, the capstone: one service under fire, a review of published code, a sheet to take to work. Its modules.

- `experiment_service`      the product page as a service, and what its parts are given
- `experiment_parts`        the parts: of each kind a naive one, and others
- `experiment_own`          your passed answers as parts
- `experiment_storm`        visitors and weather: the questions and the numbers
- `experiment_storm_run`    the service in virtual time
- `experiment_score`        what each level asks for, computed from the scene
- `experiment_real`         the same service on real servers, while a primary dies
- `experiment_review`       what is tried on published code
- `experiment_sheet`        a page to take to work
- `picture_storm`, `picture_frontier`, `picture_head`
- `lab`                     the service with controls, and the scoreboard
- `programs`                two published programs by their shape, to be read and broken, and mended ones
- `programs_review`         workers that use redis-py's lock, to be reviewed
- `answers`                 what is handed in for 08.1 and 08.3
- `exercises`               08.1 to 08.5
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "answers": "Case Scene",
        "experiment_own": "own",
        "experiment_parts": "GOOD NAIVE PARTS",
        "experiment_real": "beside under_fire",
        "experiment_review": "code_of herd late_release loads_twice redis_py stale_set told_no",
        "experiment_score": "asked",
        "experiment_service": "Policy",
        "experiment_sheet": "sheet",
        "experiment_storm": "LEVELS Storm",
        "experiment_storm_run": "play",
        "lab": "Judged Scoreboard fire_lab",
        "picture_storm": "storm_picture",
        "course_lib.errors": "NoServer",
        "course_lib.sim": "OneFault",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.widgets.theatre": "theatre",
    },
)
