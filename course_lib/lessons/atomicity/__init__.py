"""Lesson 03, make it atomic with Lua: lost updates, and five rate limiters. Its modules.

- `experiment_counting`      clients that count the same thing at once; a counter that has lost its TTL; a lost reply
- `experiment_limiters`      who asks a rate limiter and when, what it lets pass, and the most in any window
- `experiment_real`          on a real server: counting at once, what a limiter costs, a lost reply
- `experiment_scripts`       on a real server: scripts that hold everybody up, do not end, or use undeclared keys
- `picture_limiters`, `picture_head`
- `lab`                      traffic at one rate limiter, with controls
- `programs`                 limiters that learners read and break
- `exercises`                03.1 to 03.6
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "experiment_counting": "admitted_in_an_hour contend disturbed",
        "experiment_limiters": "ALGORITHMS ARRIVALS Traffic play",
        "experiment_real": "EXPERIMENTS in_real_time",
        "picture_limiters": "limiter_picture retries rivals waits",
        "lab": "limiter_lab",
        "exercises.e6_invariant": "example",
        "course_lib.errors": "NoServer",
        "course_lib.explore.invariants": "all_of at_most no_key_without_ttl no_lost_update",
        "course_lib.explore.serializability": "serializable",
        "course_lib.servers": "Server",
        "course_lib.servers.ports": "free_port",
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
        "course_lib.worlds": "Embedded",
    },
)
