"""Lesson 06, invalidate: a price changes in the database, and copies of it are elsewhere. Its modules.

- `experiment_race`         a reader and a writer, small enough to play every order of their commands
- `experiment_prices`       readers of one price that keeps changing: the questions and the numbers
- `experiment_prices_run`   the readers in virtual time, under each strategy
- `experiment_strategies`   the strategies by name: how to read, what to do after a commit
- `experiment_outbox`       a writer and a relay that crash
- `experiment_near_caches`  two near caches, to be read: what they do not notice
- `experiment_near`         a near cache whose connection breaks
- `experiment_real`         Pub/Sub, tracking and keyspace notifications on a real server
- `picture_prices`, `picture_charts`, `picture_head`
- `lab`                     the readers, with controls
- `programs`                readers and writers that learners read and break
- `exercises`               06.1 to 06.6
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "experiment_near": "break_connection",
        "experiment_near_caches": "HearsAndForgets",
        "experiment_outbox": "crashes",
        "experiment_prices": "Prices older_than stale_share",
        "experiment_prices_run": "play",
        "experiment_race": "by_chance race the_race",
        "experiment_real": "missed notified redis_py_cache tracked",
        "experiment_strategies": "STRATEGIES",
        "picture_charts": "against side_by_side",
        "picture_prices": "prices_picture",
        "lab": "price_lab",
        "course_lib.errors": "NoServer",
        "course_lib.servers": "Server",
        "course_lib.sim": "OneFault",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.widgets.theatre": "theatre",
    },
)
