"""Lesson 01's experiments, by name, and the bench that makes them on real servers or shows recorded runs.

`python -m course_lib.lessons.topologies.experiment_bench` makes all that the lesson asks for and records it.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

from course_lib.lessons.topologies import experiment_cluster, experiment_failover, experiment_slots, experiment_traps
from course_lib.lessons.topologies.experiment_live_writer import LiveWriter
from course_lib.servers import Found
from course_lib.worlds.experiments import Experiment, ExperimentBench

RECORDED = Path(__file__).with_name("recorded") / "topologies.json"
FROM_LOG = {"appendonly": "yes", "appendfsync": "everysec"}
TWO_SENTINELS = ("primary", "replica1", "sentinel1", "sentinel2")
TAGGED = "MSET {user:42}:name Ann {user:42}:cart duck"
COMMANDS: tuple[dict[str, Any], ...] = (
    {"commands": ["SET user:42 Ann"], "follow": False},
    {"commands": ["SET user:42 Ann", "GET user:42"]},
    {"commands": ["MSET user:42:name Ann user:42:cart duck"]},
    {"commands": [TAGGED, "MGET {user:42}:name {user:42}:cart"]},
)
EXPERIMENTS = {
    "calm": Experiment(experiment_failover.calm, "standalone"),
    "crash": Experiment(experiment_failover.crash, "standalone"),
    "crash, append-only file": Experiment(experiment_failover.crash, "standalone", config=FROM_LOG),
    "failover": Experiment(experiment_failover.failover, "sentinel"),
    "empty restart": Experiment(experiment_traps.empty_restart, "sentinel"),
    "partition": Experiment(experiment_failover.partition, "sentinel", asked=({}, {"min_replicas": 1})),
    "two sentinels": Experiment(experiment_traps.two_sentinels, "sentinel", TWO_SENTINELS),
    "slot map": Experiment(experiment_slots.slot_map, "cluster", gentle=True),
    "key slots": Experiment(experiment_slots.key_slots, "cluster", gentle=True),
    "on the wire": Experiment(experiment_slots.on_the_wire, "cluster", gentle=True, asked=COMMANDS),
    "reshard": Experiment(experiment_slots.reshard, "cluster", gentle=True),
    "cluster crash": Experiment(experiment_cluster.crash, "cluster"),
    "cluster partition": Experiment(experiment_cluster.partition, "cluster"),
}
"""In the lesson's order, with the settings that it asks for."""


class Bench(ExperimentBench):
    """The bench of this lesson; what it does and costs: see ExperimentBench."""

    def __init__(self, found: Found | None = None, recorded: Path = RECORDED) -> None:
        super().__init__(EXPERIMENTS, recorded, found)

    def writer(self) -> LiveWriter:
        """A writer that goes on in the background, on the running topology, until the next experiment or `close()`.

        Raises: NoServer where no server can be started; ServerFailed while no topology runs.
        """
        return self.beside(LiveWriter)


if __name__ == "__main__":
    with Bench() as real:
        real.record(real.plan(), Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED, day=date.today())
