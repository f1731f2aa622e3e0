"""Lesson 00, start here: a slow shop, a cache in front of its database, and the instruments of the course. Its modules.

- `experiment_shop`         Paper Moon's readers, and the numbers that come of them; what the hit ratio should be
- `experiment_shop_run`     the readers in virtual time, with the course's own cache-aside
- `experiment_eviction`     a cache that is full
- `experiment_last_copy`    two customers and one book: a race to be won by hand
- `experiment_toy`          a few clients, small enough to draw every command
- `experiment_price`        a price changes: who is shown the old one, and for how long
- `experiment_latency`      how long one question takes, on a real server and in a real database
- `experiment_checklist`    the four-line checklist as an audit of a keyspace
- `picture_shop`, `picture_charts`, `picture_head`
- `lab`                     the shop, with controls
- `programs`                a reader and a writer that learners read and break
- `exercises`               00.1 to 00.5
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "experiment_checklist": "checklist",
        "experiment_last_copy": "last_copy",
        "experiment_latency": "latencies",
        "experiment_price": "price_change",
        "experiment_shop": "Shop hit_ratio",
        "experiment_shop_run": "play",
        "experiment_toy": "simulate",
        "picture_charts": "hit_ratios latency_chart",
        "picture_shop": "shop_picture",
        "lab": "shop_lab",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.theatre": "theatre",
        "course_lib.errors": "NoServer",
        "course_lib.grading": "check hint",
        "course_lib.servers": "Server",
        "course_lib.sim": "OneFault",
        "course_lib.views.spacetime": "spacetime",
        "course_lib.views.table": "table",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.explore": "explore",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.progress": "progress",
        "course_lib.widgets.scheduler": "Scheduler",
        "course_lib.widgets.spacetime": "SpaceTime",
        "course_lib.worlds": "Embedded Real Simulated",
    },
)
