"""A verdict and a hint as a notebook shows them, and the same in plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.grading.evidence import ms
from course_lib.views.palette import ALARM, CODE, FAINT, GREEN, INK, ORANGE, PAPER, RULE, VERMILLION, WORDS
from course_lib.views.picture import escape
from course_lib.views.spacetime import spacetime

if TYPE_CHECKING:
    from course_lib.grading.verdict import Property, Shown, Verdict

WELL = f"color-mix(in srgb,{GREEN} 70%,{INK})"  # green alone is too pale for small text
HEADS = {"passed": "✓ Passed", "failed": "✗ Not yet", "error": "✗ Cannot be judged", "unanswered": "○ Not answered yet"}
MARKS = {
    "holds": "✓ holds", "broken": "✗ broken", "not counted": "– not counted", "not settled": "? not settled",
    "not checked": "– not checked",
}  # fmt: skip


def page(verdict: Verdict) -> str:
    """The verdict as HTML: headline, what is wrong and its picture, then each property, then what helps on."""
    tone = {"passed": "good", "unanswered": "calm"}.get(verdict.status, "bad")
    earned = f"{verdict.points} of {_points(verdict.max_points)}"
    parts = [
        f'<p class="head {tone}"><b>{HEADS[verdict.status]}</b> · {escape(verdict.id)} {escape(verdict.title)}'
        f'<span class="earned">{earned}</span></p>',
        f'<p class="message">{_prose(verdict.message)}</p>',
    ]
    if verdict.lesson:
        parts.append(f'<p class="known"><b>A mistake that many make.</b> {_prose(verdict.lesson)}</p>')
    if verdict.shown is not None:
        parts.append(f'<div class="picture">{spacetime(verdict.shown.trace, title=_title(verdict)).svg}</div>')
    if verdict.status in ("passed", "failed"):
        parts.append(_table(verdict.properties))
    if verdict.status == "passed" and verdict.after:
        names = ("Why it works.", "What it does not protect against.")
        parts += [f"<p><b>{name}</b> {_prose(text)}</p>" for name, text in zip(names, verdict.after, strict=False)]
    elif verdict.tried:
        parts.append(f'<p class="small">Tried: {escape(verdict.tried)}.</p>')
    if verdict.shown is not None:
        parts.append(_again(verdict, verdict.shown))
    if not verdict.passed:
        parts.append(f'<p class="small">For help: <code>hint("{escape(verdict.id)}")</code></p>')
    return f'<div class="course-check">{STYLE}{"".join(parts)}</div>'


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
    if verdict.shown is not None:
        shown = verdict.shown
        lines += [f"Schedule: {shown.schedule}.", f"Replay: {_call(verdict, shown)}"]
        lines += [shown.trace.text(), *([f"Printed: {shown.printed}"] if shown.printed else [])]
    if not verdict.passed:
        lines.append(f'For help: hint("{verdict.id}")')
    return "\n".join(lines)


def _table(properties: tuple[Property, ...]) -> str:
    rows = "".join(
        f'<tr><td class="{p.outcome.replace(" ", "-")}">{MARKS[p.outcome]}</td><td>{escape(p.kind)}</td>'
        f'<td class="says">{_prose(p.says)}</td><td class="number">{p.earned} of {p.points}</td></tr>'
        for p in properties
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Result", "Kind", "Property"))
    last = '<th scope="col" class="number">Points</th>'
    return f"<table><thead><tr>{heads}{last}</tr></thead><tbody>{rows}</tbody></table>"


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


def _prose(text: str) -> str:
    """Escaped, with `code` set as code."""
    parts = escape(text).split("`")
    return "".join(part if i % 2 == 0 else f"<code>{part}</code>" for i, part in enumerate(parts))


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint, with its number and how many there are."""

    id: str
    number: int
    of: int
    text: str

    def __str__(self) -> str:
        return f"Hint {self.number} of {self.of} for {self.id}. {self.text}"

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = f"<b>Hint {self.number} of {self.of}</b> · {escape(self.id)}"
        last = " That was the last one." if self.number == self.of else ""
        html = f'<div class="course-check">{STYLE}<p class="head calm">{head}</p><p>{_prose(self.text)}{last}</p></div>'
        return {"text/html": html, "text/plain": f"{self}{last}"}


STYLE = f"""<style>
.course-check{{font:14px/1.5 {WORDS};color:{INK};background:{PAPER};max-width:760px;padding:2px 0 6px}}
.course-check p{{margin:8px 0}} .course-check code,.course-check pre{{font:13px/1.45 {CODE};color:inherit}}
.course-check code{{background:color-mix(in srgb,{INK} 8%,transparent);padding:1px 4px;border-radius:3px}}
.course-check .head{{font-size:16px;border-left:5px solid;padding:4px 10px;margin:4px 0 10px;
display:flex;gap:.4em;flex-wrap:wrap}}
.course-check .good{{border-color:{GREEN}}} .course-check .bad{{border-color:{VERMILLION}}}
.course-check .calm{{border-color:{FAINT}}} .course-check .earned{{margin-left:auto;font-weight:600}}
.course-check .known{{border-left:5px solid {ORANGE};padding:4px 10px}}
.course-check .small{{color:{FAINT};font-size:13px}}
.course-check .message{{font-size:15px}} .course-check .picture{{overflow-x:auto;margin:10px 0}}
.course-check table{{border-collapse:collapse;margin:10px 0;font-size:14px;width:100%;color:inherit;
table-layout:auto!important}} .course-check tr{{background:none!important}}
.course-check td,.course-check th{{text-align:left!important;padding:4px 12px 4px 0;border-bottom:1px solid {RULE};
vertical-align:top;white-space:nowrap;background:none!important;color:inherit}}
.course-check td.says{{white-space:normal!important;width:100%}} .course-check th{{font-weight:600;color:{FAINT}}}
.course-check .number{{text-align:right!important}}
.course-check .holds{{color:{WELL};font-weight:600}} .course-check .broken{{color:{ALARM};font-weight:600}}
.course-check details{{margin:6px 0}} .course-check summary{{cursor:pointer;color:{FAINT};font-size:13px}}
.course-check pre{{overflow-x:auto;max-height:340px;border:1px solid {RULE};padding:6px 8px;
white-space:pre;background:none}}
</style>"""
