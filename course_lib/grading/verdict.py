"""What a check found: each promise kept or broken, points, and the smallest schedule that shows the failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

from course_lib.explore import Play, Violation
from course_lib.explore.moment import Opened
from course_lib.grading.evidence import ms, of_clients
from course_lib.grading.page import framed
from course_lib.trace import Trace
from course_lib.views.picture import escape, prose
from course_lib.views.spacetime import spacetime

Outcome = Literal["holds", "broken", "not counted", "not settled", "not checked"]
Status = Literal["passed", "failed", "error", "unanswered"]


@dataclass(frozen=True, slots=True)
class Property:
    """A promise and what became of it. `kind` is safety, liveness or cost.

    "not counted": it held, and means nothing while a property that it rests on is broken. "not settled": the search
    ended too early to say.
    """

    name: str
    kind: str
    says: str
    points: int
    outcome: Outcome

    @property
    def earned(self) -> int:
        """Its points, if it holds."""
        return self.points if self.outcome == "holds" else 0


@dataclass(frozen=True, slots=True)
class Shown:
    """The schedule that is shown: its run, what it violated (None if it held), its replay code and
    its schedule in words, and what the answer printed; `again` plays it again, moment by moment."""

    run: Play
    violation: Violation | None
    code: str
    schedule: str
    printed: str = ""
    again: Callable[[], Opened] | None = None

    @property
    def trace(self) -> Trace:
        """The run as it is drawn: without the judge's own commands, with the violation marked."""
        trace = of_clients(self.run.trace)
        if self.violation is not None and self.violation.who:
            trace.note(self.violation.who, "violation", self.violation.t_start, text=self.violation.mark)
        return trace


@dataclass(frozen=True)
class Verdict:
    """The result of `check`. The last line of a cell shows it; `print` gives the same as text.

    `misconception` names the well-known mistake that the failure points to, if any; `message` is the sentence on the
    answer as a whole; `tried` says how many schedules were checked. `after` is what a passed check adds; `answer` is
    the name of what was judged; `proof` says what the search saw.
    """

    id: str
    title: str
    status: Status
    properties: tuple[Property, ...]
    message: str
    misconception: str | None = None
    lesson: str = ""
    shown: Shown | None = None
    tried: str = ""
    after: tuple[str, ...] = ()
    answer: str = "answer"
    noted: str = ""
    proof: str = ""

    @property
    def passed(self) -> bool:
        """Do all properties hold?"""
        return self.status == "passed"

    @property
    def points(self) -> int:
        """The points of the properties that hold."""
        return sum(one.earned for one in self.properties)

    @property
    def max_points(self) -> int:
        """The points of all properties."""
        return sum(one.points for one in self.properties)

    @property
    def code(self) -> str | None:
        """The replay code of the failing schedule."""
        return self.shown.code if self.shown is not None else None

    def __str__(self) -> str:
        return plain(self)

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        """Show a failing run as a widget to walk through while there is a kernel, and a page otherwise."""
        shown = self.shown
        if shown is None or shown.violation is None or shown.again is None:
            raise NotImplementedError  # which IPython takes for: show it in another way
        from course_lib.widgets.fallback import between, live  # here, as the judge of a class has no use for widgets
        from course_lib.widgets.spacetime import SpaceTime

        if not live():
            raise NotImplementedError

        at = shown.violation.t_start if shown.violation.who else inf  # one of no moment: the end
        says = {one.name: one.says for one in self.properties}
        walk = SpaceTime(shown.trace, title=_title(self), opened=shown.again, says=says, at=at)
        above, _, below = _parts(self)
        between(framed(above), walk.box, framed(below), page(self), walk.uid, plain(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": page(self), "text/plain": plain(self)}


HEADS = {"passed": "✓ Passed", "failed": "✗ Not yet", "error": "✗ Cannot be judged", "unanswered": "○ Not answered yet"}
MARKS = {
    "holds": "✓ holds", "broken": "✗ broken", "not counted": "– not counted", "not settled": "? not settled",
    "not checked": "– not checked",
}  # fmt: skip


def page(verdict: Verdict) -> str:
    """The verdict as HTML: headline, what is wrong and its picture, then each property, then what helps on."""
    return framed("".join(_parts(verdict)))


def _parts(verdict: Verdict) -> tuple[str, str, str]:
    """What stands above the picture, the picture, and what stands below it."""
    tone = {"passed": "good", "unanswered": "calm"}.get(verdict.status, "bad")
    earned = f"{verdict.points} of {_points(verdict.max_points)}"
    parts = [
        f'<p class="head {tone}"><b>{HEADS[verdict.status]}</b> · {escape(verdict.id)} {escape(verdict.title)}'
        f'<span class="earned">{earned}</span></p>',
        f'<p class="message">{prose(verdict.message)}</p>',
    ]
    if verdict.lesson:
        parts.append(f'<p class="known"><b>A mistake that many make.</b> {prose(verdict.lesson)}</p>')
    above, picture, parts = "".join(parts), "", []
    if verdict.shown is not None:
        picture = f'<div class="picture">{spacetime(verdict.shown.trace, title=_title(verdict)).fitting}</div>'
        parts.append(f'<p class="small">{escape(because)}</p>' if (because := _because(verdict.shown)) else "")
    if verdict.status in ("passed", "failed"):
        parts.append(_table(verdict.properties))
    if verdict.status == "passed" and verdict.after:
        names = ("Why it works.", "What it does not protect against.")
        parts += [f"<p><b>{name}</b> {prose(text)}</p>" for name, text in zip(names, verdict.after, strict=False)]
    elif verdict.tried:
        parts.append(f'<p class="small">Tried: {escape(verdict.tried)}.</p>')
    if verdict.proof:
        parts.append(f"<details><summary>What the search saw</summary><p>{prose(verdict.proof)}</p></details>")
    if verdict.shown is not None:
        parts.append(_again(verdict, verdict.shown))
    if _next(verdict):
        parts.append(f'<p class="small">{prose(_next(verdict))}</p>')
    if verdict.noted:
        parts.append(f'<p class="small" role="status">{escape(verdict.noted)}</p>')
    return above, picture, "".join(parts)


def plain(verdict: Verdict) -> str:
    """The verdict as text, with nothing left out but the picture."""
    lines = [
        f"{HEADS[verdict.status]} · {verdict.id} {verdict.title} · {verdict.points} of {_points(verdict.max_points)}",
        verdict.message,
    ]
    if verdict.lesson:
        lines.append(f"A mistake that many make. {verdict.lesson}")
    if verdict.status in ("passed", "failed"):
        lines += [f"  {MARKS[p.outcome]:<14} {p.kind:<9} {p.says} ({_points(p.points)})" for p in verdict.properties]
    if verdict.status == "passed" and verdict.after:
        lines += [f"Why it works. {verdict.after[0]}", f"What it does not protect against. {verdict.after[1]}"]
    elif verdict.tried:
        lines.append(f"Tried: {verdict.tried}.")
    lines += [f"What the search saw: {verdict.proof}"] if verdict.proof else []
    if verdict.shown is not None:
        shown = verdict.shown
        lines += [*filter(None, [_because(shown)]), f"Schedule: {shown.schedule}.", f"Replay: {_call(verdict, shown)}"]
        lines += [shown.trace.text(), *([f"Printed: {shown.printed}"] if shown.printed else [])]
    lines += filter(None, [_next(verdict).replace("`", ""), verdict.noted])
    return "\n".join(lines)


def _next(verdict: Verdict) -> str:
    """What helps on: a hint, or once the whole check has passed, somebody else's answer."""
    if not verdict.passed:
        return f'For help: `hint("{verdict.id}")`'
    return (
        f'For a worked solution, and what yours does differently: `solution("{verdict.id}")`' if verdict.after else ""
    )


def _table(properties: tuple[Property, ...]) -> str:
    rows = "".join(
        f'<tr><td class="{p.outcome.replace(" ", "-")}">{MARKS[p.outcome]}</td><td>{escape(p.kind)}</td>'
        f'<td class="says">{prose(p.says)}</td><td class="number">{p.earned} of {p.points}</td></tr>'
        for p in properties
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Result", "Kind", "Property"))
    last = '<th scope="col" class="number">Points</th>'
    return f"<table aria-label='What was checked'><thead><tr>{heads}{last}</tr></thead><tbody>{rows}</tbody></table>"


def _again(verdict: Verdict, shown: Shown) -> str:
    unnamed = ", with your own for <code>answer</code>" if verdict.answer == "answer" else ""
    lines = shown.trace.text()
    printed = f"<details><summary>What your code printed</summary><pre>{escape(shown.printed)}</pre></details>"
    return (
        f'<p class="small">Schedule shown: {escape(shown.schedule)}. To see it again, after a change or with a '
        f"classmate's code, run this in a cell{unnamed}:<br><code>{escape(_call(verdict, shown))}</code></p>"
        f"<details><summary>The same as text ({lines.count(chr(10)) + 1} lines)</summary><pre>{escape(lines)}</pre>"
        f"</details>{printed if shown.printed else ''}"
    )


def _because(shown: Shown) -> str:
    """`What breaks it: at 33 ms c1: GET n → 4; at 41 ms c2: SET n 5 → OK.`, or nothing."""
    facts = () if shown.violation is None else shown.violation.facts
    told = "; ".join(f"at {ms(fact.t)} {fact.who}: {fact.text}" for fact in facts)
    return f"What breaks it: {told}." if told else ""


def _call(verdict: Verdict, shown: Shown) -> str:
    return f'replay("{verdict.id}", "{shown.code}", {verdict.answer})'


def _title(verdict: Verdict) -> str:
    assert verdict.shown is not None
    marked = next((note for note in verdict.shown.trace.notes if note.kind == "violation"), None)
    if marked is not None:
        return f"{marked.text[:1].upper()}{marked.text[1:]} at {ms(marked.t_start)}"
    return verdict.shown.violation.text.partition(":")[0] if verdict.shown.violation else "Nothing is violated"


def _points(number: int) -> str:
    return f"{number} point{'s' * (number != 1)}"
