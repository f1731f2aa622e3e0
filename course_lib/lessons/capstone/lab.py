"""The lab of lesson 08, a service whose parts one chooses, and the scoreboard, which keeps all tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from course_lib.lessons.capstone.experiment_parts import NAIVE, PARTS
from course_lib.lessons.capstone.experiment_score import Score, judge, without
from course_lib.lessons.capstone.experiment_storm import LEVELS, Storm, StormSeen
from course_lib.lessons.capstone.experiment_storm_run import in_slices
from course_lib.lessons.capstone.picture_frontier import frontier_picture
from course_lib.lessons.capstone.picture_storm import storm_picture
from course_lib.trace import most_at_once
from course_lib.views.picture import Picture
from course_lib.views.spacetime import spacetime
from course_lib.views.table import Table, table
from course_lib.widgets.controls import choice
from course_lib.widgets.lab import Experiment, Lab
from course_lib.widgets.progress import Bar


def fire_lab(**given: Any) -> Lab[StormSeen]:
    """The lab, set up with the fields of `Storm`: `fire_lab(**GOOD, level=2)`."""
    return Lab(Experiment(Storm(**given), _controls, in_slices, storm_picture, _row, says=_says, ignored=_ignored))


def _controls(given: Storm) -> dict[str, w.Widget]:
    weather = w.Dropdown(
        options=[(f"{level}: {says}", level) for level, says in LEVELS.items()], value=given.level,
        description="weather", style={"description_width": "130px"}, layout={"width": "98%"},
    )  # fmt: skip
    kinds = {kind: choice(kind, getattr(given, kind), {name: name for name in PARTS[kind]}) for kind in NAIVE}
    return {**kinds, "level": weather}


def _ignored(given: Storm) -> Mapping[str, str]:
    """What plays no part in calmer weather."""
    why = "Nothing happens to Redis before level 3."
    return {} if given.level == 3 else {"topology": why, **({} if given.level == 2 else {"away": why})}


def _says(seen: StormSeen) -> str:
    parts = {kind: getattr(seen.storm, kind) for kind in NAIVE}
    return "; ".join(f"{kind}: {PARTS[kind][name].says}" for kind, name in parts.items() if name in PARTS[kind]) + "."


def _row(seen: StormSeen) -> dict[str, object]:
    parts = {kind: getattr(seen.storm, kind) for kind in NAIVE if getattr(seen.storm, kind) != NAIVE[kind]}
    chosen = ", ".join(str(name) for name in parts.values()) or "naive"
    return {"parts": chosen, "level": seen.storm.level, "seed": seen.storm.seed, **seen.summary()}


class Scoreboard:
    """Judges services, and keeps every try: `board.judge("mine", **GOOD)`. The last try under a name counts."""

    def __init__(self, *, seeds: int = 2) -> None:
        self.seeds, self.tries = range(seeds), dict[str, Score]()

    def judge(self, name: str, **parts: Any) -> Judged:
        """Play a service level after level, seed after seed, until one fails. What is not named is naive."""
        with Bar("runs", len(LEVELS) * len(self.seeds)) as bar:
            score = judge(name, parts, seeds=self.seeds, update=bar.update, first_failure=True)
        self.tries[name] = score
        return Judged(score)

    def ablation(self, **parts: Any) -> Table:
        """Take one part after the other away from a service: which level breaks, and by what. One seed each."""
        rows = []
        kinds = [kind for kind in NAIVE if parts.get(kind, NAIVE[kind]) != NAIVE[kind]]
        with Bar("runs", len(kinds) * len(LEVELS)) as bar:
            for kind in kinds:
                score = judge(f"without {kind}", without(parts, kind), seeds=[0], update=bar.update)
                failure = score.failure
                broken = ", ".join(limit.name for limit in failure[1]) if failure else ""
                level = f"level {failure[0]}" if failure else "no level"
                rows.append({"taken away": kind, "in its place": NAIVE[kind], "breaks": level, "by": broken})
        return table(rows, caption="A service without one of its parts, seed 0")

    def frontier(self) -> Picture:
        """All tries: loads against p99 and against staleness."""
        return frontier_picture(list(self.tries.values()))


class Judged:
    """A score as a notebook shows it."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self._table = table(score.rows(), caption=score.says)

    def picture(self) -> Picture:
        """The run that failed first, or the last one that passed."""
        return storm_picture(self.run)

    def moment(self) -> Picture:
        """The commands of that run, around the moment at which most loads were under way."""
        seen = self.run
        most = most_at_once(seen.loads)
        return spacetime(seen.moment(), title=f"{most} loads at once, seed {seen.storm.seed}")

    @property
    def run(self) -> StormSeen:
        """The run that failed first, or the last one that passed."""
        failure = self.score.failure
        return failure[2] if failure else self.score.runs[max(self.score.runs)][-1]

    def __repr__(self) -> str:
        return repr(self._table)

    def _repr_html_(self) -> str:
        return self._table._repr_html_()
