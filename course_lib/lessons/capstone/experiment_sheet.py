"""A page to take to work: decisions, each beside what you measured for it in this session, or “not measured”."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.lessons.capstone.experiment_score import Score, longest_wait, stale_share
from course_lib.lessons.capstone.experiment_storm import StormSeen
from course_lib.trace import most_at_once
from course_lib.words import counted

NOT = "not measured"


class Line(NamedTuple):
    """A decision: what is to be decided, a rule for it, and what was measured here."""

    question: str
    rule: str
    measured: str


class Sheet:
    """The page. The last line of a cell shows it; `write(path)` puts it into a file, HTML or Markdown by its name."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = list(lines)

    @property
    def markdown(self) -> str:
        """The page as text, which reads well without being drawn."""
        head = (
            f"# A service with Redis: what to decide\n\nMeasured on {date.today():%d %B %Y} in “Caching with Redis”, "
        )
        head += "lesson 08.\n\n| Decide | Rule | What you measured |\n|---|---|---|\n"
        return head + "".join(f"| {' | '.join(line)} |\n" for line in self.lines) + f"\n{AFTER}\n"

    def write(self, path: str | Path) -> Path:
        """Write the page; returns where it is. Raises: OSError; ValueError for another ending than .md or .html."""
        path = Path(path)
        if path.suffix not in (".md", ".html"):
            raise ValueError(f"path is {str(path)!r}; its name ends with .md or .html")
        text = self.markdown if path.suffix == ".md" else PAGE.format(body=self._repr_html_())
        path.write_text(text, encoding="utf-8")
        return path.resolve()

    def __repr__(self) -> str:
        return self.markdown

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{html.escape(line.question)}</th><td>{html.escape(line.rule)}</td>'
            f"<td>{html.escape(line.measured)}</td></tr>"
            for line in self.lines
        )
        return (
            f'<table class="decisions"><style>{STYLE}</style><caption>A service with Redis: what to decide</caption>'
            '<thead><tr><th scope="col">Decide</th><th scope="col">Rule</th>'
            f'<th scope="col">What you measured</th></tr></thead><tbody>{rows}</tbody></table>'
            f"<p>{html.escape(AFTER)}</p>"
        )


AFTER = "Measured in a simulation and on one machine: the rules go with you, the numbers do not. Measure yours."
STYLE = (
    "table.decisions{border-collapse:collapse;max-width:62em} .decisions caption{text-align:left;font-weight:600;"
    "font-size:1.15em;padding:6px 0} .decisions :is(th,td){text-align:left!important;vertical-align:top;padding:5px "
    "10px;border-bottom:1px solid #8884;white-space:normal} .decisions tbody th{min-width:9em}"
)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A service with Redis: what to decide</title>
<style>body{{font:15px/1.4 system-ui,sans-serif;margin:2em;color-scheme:light dark}}</style>{body}</html>
"""


def sheet(
    tries: Mapping[str, Score], real: StormSeen | None = None, review: Mapping[str, Mapping[str, float]] | None = None
) -> Sheet:
    """Fill the page from the tries of a scoreboard, a run on real servers, and what the review counted."""
    best = max(tries.values(), key=lambda score: score.passed, default=None)
    runs = [seen for level in best.runs.values() for seen in level] if best is not None else []
    fire = best.runs.get(3, []) if best is not None else []
    return Sheet([
        Line("How much must the database bear?", "connections ÷ seconds of a load = loads a second (Little's law)",
             _of(runs, lambda s: f"{most_at_once(s.loads)} loads at once, of {s.storm.policy.slots} connections")),
        Line("Who loads a page that is missing?", "one, with a lease; the others wait, or get the old one",
             _naive(tries, lambda s: f"naive: {most_at_once(s.loads)} loads at once")),
        Line("How long may a page take?", "the TTL of a dead holder's lock, one load, one pause",
             _of(fire, lambda s: f"p99 {s.p99:.2f} s under fire; derived: {longest_wait(s.storm):.2f} s")),
        Line("How old may a page be?", "with a TTL alone, half of changes × TTL; or a write takes page and lease away",
             _of(runs, lambda s: f"{s.share('stale'):.1%} stale; derived: at most {stale_share(s.storm):.1%}")),
        Line("What are the names of keys?", "program, kind, version of the shape, id",
             _naive(tries, lambda s: f"without a version: {s.wrong} error pages")),
        Line("Who may ask, how often?", "a limit in any window; let a visitor through whom you cannot count",
             _of(runs, lambda s: f"at most {s.most_admitted} admitted in {s.storm.policy.window:g} s")),
        Line("What if Redis is away?", "ask the database, with one load for a page and few at once",
             _of(fire, lambda s: f"{s.wrong} error pages while it was away")),
        Line("What must not be lost?", "say yes when a replica has it; keep what must never be lost elsewhere",
             _of(fire, lambda s: f"{s.lost} of {len(s.told)} baskets lost, {s.acknowledged:.0%} kept")),
        Line("How long is a failover?", "kill a primary, and look",
             NOT if real is None else _real(real)),
        Line("Which example do I copy?", "none before you try it: absent rows, a dead loader, a write in between",
             _review(review or {})),
    ])  # fmt: skip


def _of(runs: list[StormSeen], say: Any) -> str:
    """The worst of the runs, by its loads; of none, that nothing was measured."""
    return say(max(runs, key=lambda seen: most_at_once(seen.loads))) if runs else NOT


def _naive(tries: Mapping[str, Score], say: Any) -> str:
    worst = next((score for score in tries.values() if score.passed == 0), None)
    return _of(worst.runs[1], say) if worst is not None else NOT


def _real(real: StormSeen) -> str:
    strike = real.strikes[-1]
    seconds = strike.end - strike.start
    return (
        f"{seconds:.1f} s until a basket was kept again; {real.lost} of {len(real.told)} lost, {real.wrong} error pages"
    )


def _review(counts: Mapping[str, Mapping[str, float]]) -> str:
    return "; ".join(f"{name}: {counted(int(row['loads']), 'load')}" for name, row in counts.items()) or NOT
