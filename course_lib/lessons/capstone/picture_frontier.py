"""The frontier of tries: loads against p99 and against staleness, a point for each service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from course_lib.lessons.capstone.experiment_score import Score
from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, GRAY, GREEN, ORANGE, VERMILLION, Role
from course_lib.views.picture import Picture
from course_lib.words import counted, listed

PASSED = (Role(VERMILLION, "X"), Role(ORANGE, "^"), Role(BLUE, "s"), Role(GREEN, "o"))
"""By the level that was passed."""


class Try(NamedTuple):
    """One service at noon. Units: loads for 100 pages; p99 in ms; stale in percent."""

    name: str
    level: int
    loads: float
    p99: float
    stale: float

    def beats(self, other: Try) -> bool:
        """Is it nowhere worse, and somewhere better?"""
        mine, theirs = self[2:], other[2:]
        return all(a <= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs


def tried(score: Score) -> Try:
    """A score's point: means of its runs at level 1, which every try has."""
    return Try(
        score.name,
        score.passed,
        score.mean(lambda seen: 100 * len(seen.loads) / max(1, len(seen.pages))),
        score.mean(lambda seen: 1000 * seen.p99),
        score.mean(lambda seen: 100 * seen.share("stale")),
    )


def frontier(tries: Sequence[Try]) -> list[Try]:
    """Those that no other try beats: to be better in one number you must be worse in another."""
    return [one for one in tries if not any(other.beats(one) for other in tries)]


def frontier_picture(scores: Sequence[Score]) -> Picture:
    """Draw the tries, side by side against p99 and against staleness. Those on the frontier have a ring."""
    tries = [tried(score) for score in scores]
    best = frontier(tries)
    with chart(9.4, 4.2) as figure:
        for panel, (column, label) in zip(
            figure.subplots(1, 2), {"p99": "p99 (ms)", "stale": "stale pages (%)"}.items(), strict=True
        ):
            for number, one in enumerate(tries):
                role, value = PASSED[one.level], getattr(one, column)
                name = f"passes level {one.level}" if one.level else "passes none"
                known = panel.get_legend_handles_labels()[1]
                panel.plot([one.loads], [value], role.mark, color=paint(role.color), ms=9, clip_on=False,
                           label="" if name in known else name)  # fmt: skip
                if one in best:
                    panel.plot([one.loads], [value], "o", ms=17, mfc="none", color=paint(GRAY), clip_on=False)
                same = [str(n + 1) for n, other in enumerate(tries) if _place(other, column) == _place(one, column)]
                if same[0] == str(number + 1):  # tries at one place have one label
                    panel.annotate(", ".join(same), (one.loads, value), xytext=(9, 5), textcoords="offset points")
            most = {name: 1.15 * max(1.0, *(getattr(one, name) for one in tries)) for name in ("loads", column)}
            panel.set(xlabel="loads for 100 pages", ylabel=label, xlim=(0, most["loads"]), ylim=(0, most[column]))
            panel.grid()
        figure.axes[1].legend(loc="best")
        title = (
            f"{len(best)} of {counted(len(tries), 'try', 'tries')} {'is' if len(best) == 1 else 'are'} on the frontier"
        )
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
        figure.supxlabel(
            " · ".join(f"{n + 1} {one.name}" for n, one in enumerate(tries)), fontsize=9, x=0.01, ha="left"
        )
        names = (
            f"Those are {listed([one.name for one in best])}" if len(best) > 1 else "".join(one.name for one in best)
        )
        said = "; ".join(
            f"{n + 1} {one.name}: {one.loads:.1f} loads for 100 pages, p99 {one.p99:.0f} ms, {one.stale:.1f} % stale, "
            f"passes {f'level {one.level}' if one.level else 'none'}"
            for n, one in enumerate(tries)
        )
        return as_picture(figure, f"{title}. {names}. {said}.")


def _place(one: Try, column: str) -> tuple[int, int]:
    """Roughly, so that labels which would overlap are one."""
    return round(one.loads * 2), round(getattr(one, column) / (10 if column == "p99" else 0.5))
