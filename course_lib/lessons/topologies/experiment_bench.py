"""Lesson 01's bench: every experiment is made on a real topology, or shown as it was recorded from one.

    bench = Bench()
    bench.run("failover")                        made now, on servers that are started for it
    bench.last("failover")                       the latest run with these settings; made now if there is none
    TopologyPanel(bench.topology("sentinel"))    the servers themselves, for hands

Where no server can be started, `run` and `last` return what `python -m course_lib.lessons.topologies.experiment_bench`
has recorded from real runs. Both ways a result is the same plain data.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.errors import NoServer, ServerFailed
from course_lib.lessons.topologies import experiment_cluster, experiment_failover, experiment_slots, experiment_traps
from course_lib.lessons.topologies.experiment_live_writer import LiveWriter
from course_lib.servers import Found, Topology, find
from course_lib.worlds.threads import Background

Outcome = dict[str, Any]
RECORDED = Path(__file__).with_name("recorded") / "topologies.json"


@dataclass(frozen=True, slots=True)
class Setting:
    """What an experiment needs: a profile of docker-compose.yml, some or all of its services, and settings."""

    profile: str
    services: tuple[str, ...] | None = None
    config: tuple[tuple[str, str], ...] = ()

    def start(self, found: Found) -> Topology:
        """A running topology."""
        services = list(self.services) if self.services else None
        return Topology(self.profile, found=found, services=services, config=dict(self.config)).start()


@dataclass(frozen=True, slots=True)
class Experiment:
    """How an experiment is made, and on what. `gentle`: it leaves the topology as it found it, but for some keys."""

    make: Callable[..., Coroutine[Any, Any, Outcome]]
    setting: Setting
    gentle: bool = False


APPEND_ONLY = (("appendonly", "yes"), ("appendfsync", "everysec"))
SENTINEL, CLUSTER = Setting("sentinel"), Setting("cluster")
EXPERIMENTS: Mapping[str, Experiment] = {
    "calm": Experiment(experiment_failover.calm, Setting("standalone")),
    "crash": Experiment(experiment_failover.crash, Setting("standalone")),
    "crash, append-only file": Experiment(experiment_failover.crash, Setting("standalone", config=APPEND_ONLY)),
    "failover": Experiment(experiment_failover.failover, SENTINEL),
    "empty restart": Experiment(experiment_traps.empty_restart, SENTINEL),
    "partition": Experiment(experiment_failover.partition, SENTINEL),
    "two sentinels": Experiment(
        experiment_traps.two_sentinels, Setting("sentinel", ("primary", "replica1", "sentinel1", "sentinel2"))
    ),
    "slot map": Experiment(experiment_slots.slot_map, CLUSTER, gentle=True),
    "key slots": Experiment(experiment_slots.key_slots, CLUSTER, gentle=True),
    "on the wire": Experiment(experiment_slots.on_the_wire, CLUSTER, gentle=True),
    "reshard": Experiment(experiment_slots.reshard, CLUSTER, gentle=True),
    "cluster crash": Experiment(experiment_cluster.crash, CLUSTER),
    "cluster partition": Experiment(experiment_cluster.partition, CLUSTER),
}
TAGGED = "MSET {user:42}:name Ann {user:42}:cart duck"
LESSON: list[tuple[str, dict[str, Any]]] = [
    ("calm", {}),
    ("crash", {}),
    ("crash, append-only file", {}),
    ("failover", {}),
    ("empty restart", {}),
    ("partition", {}),
    ("partition", {"min_replicas": 1}),
    ("two sentinels", {}),
    ("slot map", {}),
    ("key slots", {}),
    ("on the wire", {"commands": ["SET user:42 Ann"], "follow": False}),
    ("on the wire", {"commands": ["SET user:42 Ann", "GET user:42"]}),
    ("on the wire", {"commands": ["MSET user:42:name Ann user:42:cart duck"]}),
    ("on the wire", {"commands": [TAGGED, "MGET {user:42}:name {user:42}:cart"]}),
    ("reshard", {}),
    ("cluster crash", {}),
    ("cluster partition", {}),
]
"""What the lesson asks for, in its order: this is what is recorded."""


@dataclass
class Bench:
    """Runs experiments; keeps one topology running at a time, and none after `close()` or this process's end.

    `found` is the server to use; by default the one of this machine, and where there is none, the recorded runs.
    Cost: a topology is started when it is first needed, in one to three seconds, and emptied when it was used before.
    """

    found: Found | None = None
    recorded: Path = RECORDED
    why_not: str = ""
    _running: Topology | None = None
    _setting: Setting | None = None
    _used: bool = False
    _writer: LiveWriter | None = None
    _made: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self.found = self.found or find()
        except NoServer as error:
            self.why_not = str(error)

    def __str__(self) -> str:
        if self.found is not None:
            return f"Every experiment of this lesson is made here and now, on {self.found}."
        return (
            f"Recorded: no server can be started here, so this lesson shows runs of {self._record['server']} of "
            f"{self._record['made']}. All numbers are those of real runs, but you cannot change the experiments."
        )

    def run(self, name: str, **given: Any) -> Outcome:
        """Make an experiment of EXPERIMENTS now. Without a server: the recorded run.

        Raises: ValueError for a name or a setting that there is not; NoServer without a server for settings that were
        not recorded; ServerFailed if something that must happen does not within half a minute.
        """
        experiment = _known(name, given)
        outcome = self._replayed(name, given) if self.found is None else self._make(experiment, given)
        self._made[_line(name, given)] = outcome
        return outcome

    def last(self, name: str, **given: Any) -> Outcome:
        """The latest run with these settings. If there is none yet, it is made now."""
        _known(name, given)
        return self._made.get(_line(name, given)) or self.run(name, **given)

    def topology(self, profile: str) -> Topology:
        """The running topology of this profile, as at its start. Another one that runs is stopped first.

        Raises: NoServer where no server can be started.
        """
        if self.found is None:
            raise NoServer(self.why_not)
        ready = self._prepared(Setting(profile))
        self._used = True
        return ready

    def writer(self) -> LiveWriter:
        """A writer that goes on in the background, on the running topology, until the next experiment or `close()`.

        Raises: NoServer where no server can be started; ServerFailed while no topology runs.
        """
        if self.found is None:
            raise NoServer(self.why_not)
        if self._running is None:
            raise ServerFailed("no topology runs on this bench: ask for one first, with topology(...)")
        self._stop_writer()
        self._writer = LiveWriter(self._running)
        return self._writer

    def close(self) -> None:
        """Stop what runs. Safe to call twice; the next experiment starts it again."""
        self._stop_writer()
        if self._running is not None:
            self._running.stop()
        self._running = self._setting = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, experiment: Experiment, given: Mapping[str, Any]) -> Outcome:
        topology = self._prepared(experiment.setting)
        self._used = self._used or not experiment.gentle
        made = Background(partial(experiment.make, topology, **given), name="experiment").result()
        outcome: Outcome = json.loads(json.dumps(made))  # as it would come from the record
        return outcome

    def _stop_writer(self) -> None:
        if self._writer is not None:
            self._writer.stop()
        self._writer = None

    def _prepared(self, setting: Setting) -> Topology:
        assert self.found is not None
        self._stop_writer()
        if self._setting == setting and self._running is not None and self._used:
            try:
                self._running.reset()
            except ServerFailed:  # whatever was done to it; a new one helps
                self.close()
        if self._setting != setting or self._running is None:
            self.close()
            self._running, self._setting = setting.start(self.found), setting
        self._used = False
        return self._running

    @property
    def _record(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.recorded.read_text(encoding="utf-8"))
        return read

    def _replayed(self, name: str, given: Mapping[str, Any]) -> Outcome:
        runs: dict[str, Outcome] = self._record["runs"]
        if _line(name, given) not in runs:
            there = "; ".join(line for line in runs if line.startswith(f"{name} {{"))
            raise NoServer(
                f"“{name}” with the settings {dict(given)} was not recorded, and no server can be started here. "
                f"Recorded: {there or 'nothing of this name'}."
            )
        return runs[_line(name, given)]


def _known(name: str, given: Mapping[str, Any]) -> Experiment:
    if name not in EXPERIMENTS:
        raise ValueError(f"there is no experiment {name!r}; there are: {', '.join(EXPERIMENTS)}")
    settings = [p.name for p in inspect.signature(EXPERIMENTS[name].make).parameters.values()][1:]
    for setting in given:
        if setting not in settings:
            raise ValueError(f"{name} has no setting {setting!r}; it has: {', '.join(settings) or 'none'}")
    return EXPERIMENTS[name]


def _line(name: str, given: Mapping[str, Any]) -> str:
    """An experiment and its settings as one line of text, the key of the record."""
    return f"{name} {json.dumps(given, sort_keys=True)}"


def record(bench: Bench, place: Path, *, day: date) -> None:
    """Make every experiment of the lesson and write what came of it, one run to a line."""
    runs = {_line(name, given): bench.run(name, **given) for name, given in LESSON}
    assert bench.found is not None
    server = f"{bench.found.flavour} {bench.found.version}"
    lines = ",\n".join(f"{json.dumps(line)}: {json.dumps(run, separators=(',', ':'))}" for line, run in runs.items())
    head = f'"made": "{day.isoformat()}", "server": {json.dumps(server)}'
    place.parent.mkdir(exist_ok=True)
    place.write_text(f'{{{head}, "runs": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    with Bench() as real:
        record(real, Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED, day=date.today())
