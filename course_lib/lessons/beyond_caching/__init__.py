"""Lesson 07, beyond caching: the basket, the parcel, the bestseller list. Its modules.

- `experiment_virtual_time`  a coroutine of the notebook beside a simulated Redis
- `experiment_sessions`      a request that meets a log-out or another request, in every order; how long a session lasts
- `experiment_shift`         twelve parcels, four workers, two of whom die
- `experiment_parcels`       many parcels: the setting, and what became of each
- `experiment_parcels_run`   the same in virtual time
- `experiment_strategies`    how workers share a stream: each way by name
- `experiment_real`          worker processes that are killed, on a real server
- `experiment_real_worker`   one of them
- `picture_parcels`, `picture_head`
- `lab`                      the workers, with controls
- `programs`                 sessions, workers and lists that learners read and break
- `exercises`                07.1 and more
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "programs": (
            "GROUP PACKED PARCELS acknowledges_after acknowledges_first claims counts next_parcel "
            "writes_back_what_is_there writes_it_all_back writes_one_field"
        ),
        "experiment_virtual_time": "in_virtual_time",
        "experiment_sessions": "lasts log_out_meets the_log_out two_tabs visits_by_script",
        "experiment_shift": "die_everywhere shift",
        "experiment_real": "kill_two",
        "picture_parcels": "times_packed",
        "lab": "parcel_lab",
        "course_lib.errors": "NoServer",
        "course_lib.servers": "Server",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.sim": "OneFault",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.widgets.theatre": "theatre",
    },
)
