"""Lesson 01, choose a topology: real servers, killed, paused and cut off. Its modules.

- `experiment_bench`         every experiment by name, made on real servers or shown as it was recorded (`recorded/`)
- `experiment_writer`        numbered writes, each sent once; later, which of them are still there
- `experiment_live_writer`   the same in a process of its own, while a learner breaks things by hand
- `experiment_failover`      one server, then Sentinel: what a crash and a partition cost
- `experiment_sentinel_log`  who is primary, who follows, and all that the Sentinels say
- `experiment_traps`         a primary that comes back empty; two Sentinels
- `experiment_slots`         where a key lives in a cluster, and what a client sees while slots move
- `experiment_cluster`       what the death of a cluster's primary costs
- `experiment_decision`      services and their needs, and which topologies that rules out
- `picture_failover`, `picture_slots`, `picture_head`
- `programs`                 writers that learners read and break
- `answers`                  what learners hand in, or are handed, that is not code
- `exercises`                01.1 to 01.6
"""

from course_lib.lazy import lazy

# What its notebooks may import.
__getattr__ = lazy(
    __name__,
    {
        "answers": "SETUPS Cut",
        "experiment_bench": "Bench",
        "experiment_decision": "as_rows check measured needs",
        "experiment_failover": "as_seen",
        "experiment_traps": "election",
        "experiment_writer": "after numbers",
        "picture_failover": "fates timeline",
        "picture_slots": "slots",
        "course_lib.errors": "NoServer ServerFailed",
        "course_lib.views.table": "table",
        "course_lib.views.topology": "topology:picture_of",
        "course_lib.widgets.class_judge": "ClassJudge",
        "course_lib.widgets.deck": "deck",
        "course_lib.widgets.hands": "hands",
        "course_lib.widgets.predict": "predict",
        "course_lib.widgets.topology_panel": "TopologyPanel",
    },
)
