"""Experiments on real topologies: made now, on servers that are started for them, or shown as they were recorded.

    bench = ExperimentBench({"crash": Experiment(crash, "standalone")}, recorded=path)
    bench.run("crash", writes=100)     made now
    bench.last("crash", writes=100)    the latest run with these settings; made now if there is none
    bench.topology("standalone")       the servers themselves, for a panel

Where no server can be started, `run` and `last` return what `record` has written from real runs. Both ways an outcome
is the same plain data.
"""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from course_lib.errors import NoServer, ServerFailed
from course_lib.servers import Found, Topology, find
from course_lib.worlds.threads import Background

Outcome = dict[str, Any]
Companion = TypeVar("Companion")


@dataclass(frozen=True, slots=True)
class Experiment:
    """How an experiment is made, and on what: the arguments of Topology.

    `make` gets the running topology, and the settings that it is run with; `asked` are those that a lesson asks for.
    `gentle`: it leaves the topology as it found it, but for some keys.
    """

    make: Callable[..., Coroutine[Any, Any, Outcome]]
    profile: str
    services: tuple[str, ...] | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    gentle: bool = False
    asked: tuple[Mapping[str, Any], ...] = ({},)


class ExperimentBench(AbstractContextManager[Any]):
    """Runs experiments; keeps one topology running at a time, and none after `close()` or this process's end.

    `found` is the server to use; by default the one of this machine, and where there is none, the recorded runs.
    Threads may share it: each waits until another one's experiment is over.
    Cost: a topology is started when it is first needed, in one to three seconds, and emptied when it was used before.
    """

    def __init__(self, experiments: Mapping[str, Experiment], recorded: Path, found: Found | None = None) -> None:
        self.experiments, self.recorded, self.found, self.why_not = experiments, recorded, found, ""
        self._running: Topology | None = None
        self._setting: tuple[object, ...] = ()
        self._used = False
        self._companions = ExitStack()
        self._made: dict[str, Outcome] = {}
        self._mine = threading.RLock()  # held by the thread that starts, uses or stops what runs
        try:
            self.found = found or find()
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
        """Make an experiment now. Without a server: the recorded run.

        Raises: ValueError for an unknown name or setting; NoServer without a server for settings that were not
        recorded; ServerFailed if something that must happen does not within half a minute.
        """
        experiment = self._known(name, given)
        outcome = self._replayed(name, given) if self.found is None else self._make(experiment, given)
        self._made[_line(name, given)] = outcome
        return outcome

    def last(self, name: str, **given: Any) -> Outcome:
        """The latest run with these settings. If there is none yet, it is made now."""
        self._known(name, given)
        return self._made.get(_line(name, given)) or self.run(name, **given)

    def topology(self, profile: str) -> Topology:
        """The running topology of this profile, as at its start. Another one that runs is stopped first.

        Raises: NoServer where no server can be started.
        """
        with self._mine:
            ready = self._prepared(profile)
            self._used = True
            return ready

    def beside(self, start: Callable[[Topology], AbstractContextManager[Companion]]) -> Companion:
        """Start something on the running topology, which is closed before the next experiment, or by `close()`.

        Raises: NoServer where no server can be started; ServerFailed while no topology runs.
        """
        self._server()
        with self._mine:
            if self._running is None:
                raise ServerFailed("no topology runs on this bench: ask for one first, with topology(...)")
            self._companions.close()
            return self._companions.enter_context(start(self._running))

    def plan(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every experiment with each of the settings that the lesson asks for."""
        return [(name, given) for name, experiment in self.experiments.items() for given in experiment.asked]

    def record(self, plan: Iterable[tuple[str, Mapping[str, Any]]], place: Path, *, day: date) -> None:
        """Make these experiments, with these settings, and write what came of them, one run to a line."""
        runs = {_line(name, given): self.run(name, **given) for name, given in plan}
        server = json.dumps(f"{self._server().flavor} {self._server().version}")
        lines = [f"{json.dumps(line)}: {json.dumps(run, separators=(',', ':'))}" for line, run in runs.items()]
        head, body = f'"made": "{day.isoformat()}", "server": {server}', ",\n".join(lines)
        place.parent.mkdir(exist_ok=True)
        place.write_text(f'{{{head}, "runs": {{\n{body}\n}}}}\n', encoding="utf-8")

    def close(self) -> None:
        """Stop what runs. Safe to call twice; the next experiment starts it again."""
        with self._mine:
            self._companions.close()
            if self._running is not None:
                self._running.stop()
            self._running = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def _known(self, name: str, given: Mapping[str, Any]) -> Experiment:
        if name not in self.experiments:
            raise ValueError(f"there is no experiment {name!r}; there are: {', '.join(self.experiments)}")
        settings = list(inspect.signature(self.experiments[name].make).parameters)[1:]
        for setting in given:
            if setting not in settings:
                raise ValueError(f"{name} has no setting {setting!r}; it has: {', '.join(settings) or 'none'}")
        return self.experiments[name]

    def _server(self) -> Found:
        if self.found is None:
            raise NoServer(self.why_not)
        return self.found

    def _make(self, experiment: Experiment, given: Mapping[str, Any]) -> Outcome:
        with self._mine:
            topology = self._prepared(experiment.profile, experiment.services, experiment.config)
            self._used = self._used or not experiment.gentle
            made = Background(partial(experiment.make, topology, **given), name="experiment").result()
        outcome: Outcome = json.loads(json.dumps(made))  # as it would come from the record
        return outcome

    def _prepared(
        self, profile: str, services: tuple[str, ...] | None = None, config: Mapping[str, str] | None = None
    ) -> Topology:
        found, setting = self._server(), (profile, services, config or {})
        self._companions.close()
        if self._setting == setting and self._running is not None and self._used:
            try:
                self._running.reset()
            except ServerFailed:  # whatever was done to it; a new one helps
                self.close()
        if self._setting != setting or self._running is None:
            self.close()
            self._running = Topology(profile, found, services=services, config=config).start()
            self._setting = setting
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


def _line(name: str, given: Mapping[str, Any]) -> str:
    """An experiment and its settings as one line of text, the key of the record."""
    return f"{name} {json.dumps(given, sort_keys=True)}"
