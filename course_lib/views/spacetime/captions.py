"""Commands and replies as labels beside their arrows, as far as there is room."""

from __future__ import annotations

from itertools import groupby

from course_lib.views.labels import Places, Point
from course_lib.views.picture import escape, px
from course_lib.views.spacetime.messages import Message
from course_lib.views.spacetime.plan import CHARACTER, Plan
from course_lib.views.spacetime.text import brief, lost
from course_lib.words import shorten

BRIEF = 20  # characters of a command where there is no room for more
SWATCH = 7.0  # room for the stroke in the client's color that stands before a command


def captions(plan: Plan, found: list[Message], places: Places) -> str:
    """Faults first, then the command on which a promise broke, then the others, then replies. A label that finds no
    free place can still be read by mouse, and in the text trace.

    Commands that left, ran and were answered together share one arrow, so they share one label; so does a command that
    went to several nodes at once. In a crowded picture what a client says for the first time comes before the
    rest; a client's question that gets the same answer again and again is written once.
    """
    batches = [list(sent) for _, sent in groupby(found, _together)]
    went: dict[tuple[object, ...], list[str]] = {}
    for sent in batches:
        went.setdefault(_words(sent), []).append(sent[0].event.node)
    parts, told, replies = [], set[tuple[object, ...]](), batches if not plan.crowded else []
    urgent = _urgent(plan, batches)
    for sent in sorted(batches, key=lambda sent: (*_urgency(sent), urgent[id(sent)], sent[0].event.t_start)):
        nodes = went.pop(_words(sent), [])
        said = sent[0].event.client, _said(sent)[0], _answered(sent), sent[0].strong
        if not nodes or (plan.crowded and said in told and lost(sent[0].event) is None):
            continue
        rank = urgent[id(sent)]
        room = 2 if plan.crowded and rank and said[0] in {client for client, *_ in told} else 5 if rank else 9
        written = _command(plan, sent, places, _to(plan, nodes), room, rank)
        parts.append(written)
        if written:
            told.add(said)
            replies = [*replies, sent] if plan.crowded else replies
    return "".join(parts) + "".join(_reply(plan, sent, places) for sent in replies if sent[0].strong)


def _words(sent: list[Message]) -> tuple[object, ...]:
    """Equal for one command to several nodes at the same moment."""
    e = sent[0].event
    return e.client, round(e.t_start, 5), tuple(m.event.text for m in sent), lost(e), sent[0].strong


def _to(plan: Plan, nodes: list[str]) -> str:
    """Where a command went; nothing if there is only one node."""
    if len(plan.nodes) < 2:
        return ""
    if len(nodes) > 2:
        return f" → {'all ' * (len(nodes) == len(plan.nodes))}{len(nodes)} nodes"
    return f" → {', '.join(nodes)}"


def _together(m: Message) -> tuple[object, ...]:
    """Equal for commands of one message. Their replies, which come one after another, may differ by less than 10 µs."""
    e = m.event
    ran, ended = (None if t is None else round(t, 5) for t in (e.t_server, e.t_end))
    return e.client, e.node, e.t_start, ran, ended, lost(e), m.strong


def _urgency(sent: list[Message]) -> tuple[bool, bool]:
    return not sent[0].strong, lost(sent[0].event) is None


def _urgent(plan: Plan, batches: list[list[Message]]) -> dict[int, int]:
    """A rank for each message, by its id: 0 for the last one that a client sent before it broke a promise, 2 in a
    crowded picture if its client has said these words before, 1 otherwise."""
    ranks, said = {}, set[tuple[str, str]]()
    for sent in sorted(batches, key=lambda sent: sent[0].event.t_start):
        words = sent[0].event.client, _said(sent)[0]
        ranks[id(sent)] = 2 if plan.crowded and words in said else 1
        said.add(words)
    for note in plan.trace.notes:
        own = [s for s in batches if s[0].event.client == note.who and s[0].event.t_start <= note.t_start]
        if note.kind == "violation" and own:
            ranks[id(max(own, key=lambda sent: sent[0].event.t_start))] = 0
    return ranks


def _said(sent: list[Message]) -> list[str]:
    """One command, whole or its beginning; or several with dots between them: whole, by their names if too long, or the
    first and last."""
    whole = " · ".join(brief(m.event) for m in sent)
    if len(sent) == 1 or len(whole) <= 36:
        return [shorten(whole, 36), *([shorten(whole, BRIEF)] if len(whole) > BRIEF else [])]
    runs = [(name, len(list(same))) for name, same in groupby(m.event.name for m in sent)]
    names = " · ".join(f"{n} × {name}" if n > 1 else name for name, n in runs)
    return [shorten(names, 48), f"{runs[0][0]} … {runs[-1][0]}"]


def _answered(sent: list[Message]) -> str:
    """The reply; for a transaction the reply to `EXEC`, which contains all the others."""
    events = [m.event for m in sent]
    events = events[-1:] if events[-1].name == "EXEC" else events
    return shorten(" · ".join(e.reply_text for e in events), 18)


def _command(plan: Plan, sent: list[Message], places: Places, to: str, crossed: int, rank: int) -> str:
    """The command, or those sent together, in the longest version for which there is room. A mere repetition is written
    whole or not at all."""
    said = _said(sent)[: 2 if rank < 2 else 1]
    under = rank == 0
    return next(filter(None, (_beside(plan, sent[0], words + to, places, crossed, under) for words in said)), "")


def _beside(plan: Plan, m: Message, said: str, places: Places, crossed: int, under: bool) -> str:
    """The words of a request, with its fault: beside the client's end, with the stroke at the end of the words that is
    nearer to it, or `under` the node's end, where no arrows are. Nothing where all places are taken, or where more
    arrows than `crossed` go through them."""
    e, fault = m.event, lost(m.event)
    text = said + (f" ✕ {fault}" if fault else "")
    x, y = plan.scale(e.t_start), plan.lanes[e.client]
    down = 1 if plan.lanes[e.node] > y else -1
    width = len(text) * CHARACTER + SWATCH
    near, far = y - 7 + 17 * down, y - 7 - 17 * down
    rows = (near, far, near + 14 * down, far - 14 * down)
    corners: list[Point] = [(at, row) for row in rows for at in (x + 4, x - width - 4)]
    if m.request:
        (a, b), (c, d) = m.request
        corners += [(a + (c - a) * s + 5, b + (d - b) * s - 7) for s in (0.4, 0.55, 0.7)]
        corners += [(at, d + 6) for at in (c + 4, c - width - 4)] if under and d > b else []
    box = places.put(width, 14, corners, most_crossed=crossed)
    if box is None:
        return ""
    before = box.x + width <= x
    stroke = box.x + width - 2 if before else box.x + 2
    swatch = f'<path class="w" stroke="{m.color}" d="M{px(stroke)} {px(box.y + 1)}v12"/>'
    return swatch + _text(text, box.x + (0 if before else SWATCH), box.y, "c f" if fault else "c")


def _reply(plan: Plan, sent: list[Message], places: Places) -> str:
    """The reply beside the client's end of its line, where there is still room."""
    e = sent[0].event
    if e.t_end is None:
        return ""
    text = _answered(sent)
    x, y = plan.scale(e.t_end), plan.lanes[e.client]
    down = 1 if plan.lanes[e.node] > y else -1
    width = len(text) * CHARACTER + 4
    box = places.put(
        width, 14, [(at, y - 7 + dy * down) for dy in (17, 31) for at in (x + 2, x - width - 4)], most_crossed=2
    )
    return _text(text, box.x + 2, box.y, "c a") if box else ""


def _text(text: str, x: float, y: float, style: str) -> str:
    return f'<text class="t {style}" x="{px(x)}" y="{px(y + 11)}">{escape(text)}</text>'
