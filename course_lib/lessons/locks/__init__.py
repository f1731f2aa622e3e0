"""Lesson 04, lock with care: who holds a lock, and who only believes that it does. Its modules.

- `experiment_one_job`         a few workers and one job, small enough to draw every command
- `experiment_puzzles`         locks to be broken by hand, each with the one change that mends it
- `experiment_broken_locks`    the library's locks with one thing wrong
- `experiment_acquisition`     one acquisition of Redlock, looked at closely
- `experiment_contest`         a contest for a lock and what became of it: the settings and the numbers of the lab
- `experiment_contest_run`     the contest simulated, on one node or on five
- `experiment_contest_fault`   the one thing that goes wrong in it, at a chosen moment
- `experiment_contest_keys`    whose key was on which node, read from the contest's trace
- `experiment_set_up`          scripts and tokens that the experiments share
- `experiment_without_locks`   two jobs usually done under a lock, each done with a lock and without
- `experiment_real`            locking on five real servers: its cost, and what happens when some are killed
- `experiment_paused_writer`   a real holder, stopped by SIGSTOP between its last look and its write
- `picture_contest`            the contest drawn: nodes, workers, and what struck them
- `picture_contest_signs`      its signs and its legend
- `picture_head`               what a closed notebook shows
- `picture_validity`           TTL − elapsed − drift = validity, as a picture
- `lab`                        the contest, with controls
- `programs`                   locks and writers that learners read and break
- `answers`                    what learners hand in that is not code
- `exercises`                  04.1 to 04.6
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "answers": "Finding",
        "experiment_acquisition": "acquire_once",
        "experiment_broken_locks": "ExtendsLate",
        "experiment_contest": "Contest",
        "experiment_contest_run": "play",
        "experiment_one_job": "IN_ORDER find shift",
        "experiment_paused_writer": "stopped_before_its_write",
        "experiment_puzzles": "PUZZLES",
        "experiment_real": "grab killing try_real",
        "experiment_without_locks": "WAYS deliver sell",
        "picture_contest": "contest_picture",
        "picture_validity": "validity",
        "lab": "redlock_lab",
        "course_lib.errors": "NoServer",
        "course_lib.explore.liveness": "liveness",
        "course_lib.servers": "Topology",
        "course_lib.sim": "OneFault",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.widgets.theatre": "theatre",
    },
)
