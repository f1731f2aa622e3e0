"""The contest drawn: on the nodes' side whose key each has, on the workers' side who is entitled to believe it.

`contest_picture(result)` draws a run; `holders` draws what it is given. What strikes a worker or a node (a pause, a
node that is down, …) is drawn over its lane by `_trouble`; the signs themselves are in `picture_contest_signs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from course_lib.lessons.locks.experiment_contest import END, LOCKS, ContestResult, Tenure, Together
from course_lib.lessons.locks.experiment_contest_keys import KeySpan
from course_lib.lessons.locks.picture_contest_signs import HATCH, LASTING, TROUBLES, WRITES, legend, moment
from course_lib.trace import Note
from course_lib.views.axes import LEFT, framed, linear, right, time_axis
from course_lib.views.palette import ALARM, FAINT, GRAY, INK, PAPER, VERMILLION, process_color
from course_lib.views.picture import Picture, escape
from course_lib.views.room import fluid
from course_lib.words import capital, counted

ROW, GAP = 24.0, 44.0
TOP = 66.0  # of the first lane
LETTER = 16.0  # pixels that a bar must be wide to bear a letter
RINGED = 12  # times that two hold; more of them would hide the rest


@fluid
def contest_picture(result: ContestResult) -> Picture:
    """One run as a picture whose title states what happened: nodes above, workers below, on one axis for all locks."""
    contest = result.contest
    return holders(
        result.keys, result.tenures, result.troubles, result.together, title=_finding(result),
        workers=[contest.name(number) for number in range(contest.clients)], nodes=contest.nodes, end=END,
    )  # fmt: skip


def _finding(result: ContestResult) -> str:
    label, both, older = LOCKS[result.contest.lock], result.together, result.written("older")
    said = []
    if both:
        first = both[0]
        more = f", then {len(both) - 1} × more" if len(both) > 1 else ""
        said.append(f"{first.first} and {first.second} hold at {first.start:.2f} s{more}")
    if older:
        said.append(f"{counted(older, 'old write')} over a newer")
    if (refused := result.written("refused")) and not both:
        said.append(f"the fence refused {counted(refused, 'old write')}")
    if not result.tenures:
        said.append("nobody ever gets it")
    jobs = counted(result.written("taken") + older, "job")
    return f"{capital(label)}: {'; '.join(said or ['never two at once'])}; {jobs} done"


def holders(
    keys: Sequence[KeySpan], tenures: Sequence[Tenure], troubles: Sequence[Note], together: Sequence[Together], *,
    title: str, workers: Sequence[str], nodes: int, end: float,
) -> Picture:  # fmt: skip
    """Draw both sides over one axis of time, from 0 to `end` seconds."""
    lanes = _Lanes(tuple(workers), nodes, end)
    parts = [
        HATCH,
        f'<text class="b" x="12" y="{TOP - 12}">whose key each node holds</text>',
        f'<text class="b" x="12" y="{lanes.foot_of_nodes + GAP - 12}">who has a valid lease</text>',
        *_named(lanes),
        *(_bar(key.who, key.start, key.end, lanes.node(key.node), lanes, named=True) for key in keys),
        *_leases(tenures, lanes),
        *(_trouble(trouble, lanes) for trouble in troubles),
        *_writes(tenures, lanes),
        *_rings(together, lanes),
        time_axis(lanes.x, end, lanes.foot + 6, "seconds (virtual time)"),
        *legend(tenures, troubles, lanes.foot + 62),
    ]
    return framed(title, parts, height=lanes.foot + 92, alt=_alt(title, keys, tenures, troubles, together, lanes))


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Where everything lies: a lane for each node, and below them one for each worker. `end` in seconds."""

    workers: tuple[str, ...]
    nodes: int
    end: float

    def x(self, seconds: float) -> float:
        return linear(0.0, self.end, LEFT, right())(min(seconds, self.end))

    def node(self, number: int) -> float:
        return TOP + ROW * (number + 0.5)

    def worker(self, name: str) -> float:
        return self.foot_of_nodes + GAP + ROW * (self.workers.index(name) + 0.5)

    def of(self, who: str) -> float:
        """The lane of a worker or of a node; the nodes' names in a trace are redis0, redis1 and so on."""
        return self.worker(who) if who in self.workers else self.node(_number(who))

    def name(self, who: str) -> str:
        return who if who in self.workers else f"node {_number(who) + 1}"

    def color(self, who: str) -> str:
        return process_color(self.workers.index(who)) if who in self.workers else GRAY

    @property
    def foot_of_nodes(self) -> float:
        return TOP + ROW * self.nodes

    @property
    def foot(self) -> float:
        return self.foot_of_nodes + GAP + ROW * len(self.workers)


def _number(node: str) -> int:
    return int(node.removeprefix("redis"))


def _named(lanes: _Lanes) -> Iterator[str]:
    """A line for each lane, and whose it is."""
    names = [(f"node {number + 1}", "s end", lanes.node(number)) for number in range(lanes.nodes)]
    names += [(escape(name), "s end b", lanes.worker(name)) for name in lanes.workers]
    for name, style, y in names:
        yield f'<path class="grid" d="M{LEFT} {y}H{right():g}"/>'
        yield f'<text class="{style}" x="{LEFT - 8}" y="{y + 4}">{name}</text>'


def _bar(who: str, start: float, stop: float, y: float, lanes: _Lanes, *, named: bool) -> str:
    left, color = lanes.x(max(start, 0.0)), lanes.color(who)
    width = max(lanes.x(stop) - left, 1.2)
    letter = (
        f'<text class="s mid b" style="fill:{INK}" x="{left + width / 2:.1f}" y="{y + 4.5}">{escape(who)}</text>'
        if named and width >= LETTER
        else ""
    )
    box = f'<rect x="{left:.1f}" y="{y - 8}" width="{width:.1f}" height="16" rx="2"'
    return (
        f'{box} style="fill:{PAPER}"/>'  # else the lane would show through
        f'{box} fill="{color}" fill-opacity=".38" stroke="{color}" stroke-width="1.2"/>{letter}'
    )


def _leases(tenures: Iterable[Tenure], lanes: _Lanes) -> Iterator[str]:
    """A lease as a bar; where its holder works on after its end, a dashed line."""
    for one in tenures:
        y = lanes.worker(one.who)
        if one.works_on:
            yield (
                f'<path d="M{lanes.x(max(one.start, one.end)):.1f} {y}H{lanes.x(one.done):.1f}" fill="none" '
                f'stroke="{lanes.color(one.who)}" stroke-width="3" stroke-dasharray="3 3"/>'
            )
        yield _bar(one.who, one.start, max(one.end, one.start), y, lanes, named=False)


def _trouble(trouble: Note, lanes: _Lanes) -> str:
    """What struck a worker or a node: hatched for as long as it lasts, or a sign at its moment."""
    y, left = lanes.of(trouble.who), lanes.x(trouble.t_start)
    if trouble.kind in LASTING:
        width = max(lanes.x(inf if trouble.t_end is None else trouble.t_end) - left, 2.0)
        return (
            f'<rect x="{left:.1f}" y="{y - 10}" width="{width:.1f}" height="20" fill="url(#hatch-holders)" '
            f'fill-opacity=".75" stroke="{FAINT}" stroke-width="1"/>'
        )
    return moment(trouble.kind, left, y)


def _writes(tenures: Iterable[Tenure], lanes: _Lanes) -> Iterator[str]:
    for one in tenures:
        if one.written in WRITES and one.wrote is not None:
            mark, color, _ = WRITES[one.written]
            yield (
                f'<text class="note mid b" style="fill:{color};font-size:14px" x="{lanes.x(one.wrote):.1f}" '
                f'y="{lanes.worker(one.who) + 5}">{mark}</text>'
            )


def _rings(together: Sequence[Together], lanes: _Lanes) -> Iterator[str]:
    """Around each time that two held; the first is named."""
    for place, (first, second, start, stop) in enumerate(together[:RINGED]):
        top, bottom = sorted((lanes.worker(first), lanes.worker(second)))
        left, width = lanes.x(start) - 3, max(lanes.x(stop) - lanes.x(start), 3.0) + 6
        yield (
            f'<rect x="{left:.1f}" y="{top - 14}" width="{width:.1f}" height="{bottom - top + 28}" rx="7" fill="none" '
            f'stroke="{VERMILLION}" stroke-width="{1.2 if place else 2.8}"/>'
        )
        if place == 0:
            anchor, at = ("end", left + width) if left > (LEFT + right()) / 2 else ("start", left)
            yield (
                f'<text class="note b" style="fill:{ALARM};text-anchor:{anchor}" x="{at:.1f}" '
                f'y="{lanes.worker(lanes.workers[0]) - 18}">{escape(first)} and {escape(second)} hold</text>'
            )


def _alt(
    title: str, keys: Sequence[KeySpan], tenures: Sequence[Tenure], troubles: Sequence[Note],
    together: Sequence[Together], lanes: _Lanes,
) -> str:  # fmt: skip
    who = [one.who for one in tenures]
    leases = ", ".join(f"{name} {who.count(name)}" for name in sorted(set(who))) or "nobody any"
    written = [one.written for one in tenures]
    ends = "; ".join(f"{written.count(name)} × {words}" for name, (_, _, words) in WRITES.items() if name in written)
    struck = ", ".join(f"{lanes.name(t.who)} {TROUBLES[t.kind]} at {t.t_start:.2f} s" for t in troubles)
    both = "; ".join(f"{a} and {b} from {start:.2f} to {stop:.2f} s" for a, b, start, stop in together[:RINGED])
    return (
        f"{title}. {len(keys)} keys on {counted(lanes.nodes, 'node')}. Leases: {leases}. "
        f"Writes: {ends or 'none'}. Trouble: {struck or 'none'}. Valid at once: {both or 'never two'}."
    )
