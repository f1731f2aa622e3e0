"""One moment of a run as HTML: what Redis holds, what each client believes, which promises hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from course_lib.explore.moment import ClientState, Frame, KeyState, Local, PromiseState, State
from course_lib.views.picture import escape, prose
from course_lib.words import counted, ms, span

SLACK = 0.0015
"""Seconds by which a TTL may seem to differ though nobody has set it: servers count whole milliseconds."""

CHANGED = (
    "The lines of this code are not known: it came from no file, or its file has been changed since it was loaded."
)

GONE = ("gone", "expired")
"""What is said of a key that is listed once more after it is gone."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The code of one file that ran: its first line's number, and its lines; `name` is what it is called."""

    file: str
    name: str
    first: int
    lines: Sequence[str]


def line_id(number: int, line: int) -> str:
    """The name of a line on the page: of which listing, by number, and which line of its file."""
    return f"{number}-{line}"


def code_html(listings: Sequence[Listing], sent: Mapping[tuple[str, int], int]) -> str:
    """The code that ran, with line numbers; a line that sent something is a button. `sent` counts its commands."""
    parts = []
    for number, one in enumerate(listings):
        rows = (
            _row(number, line, text, sent.get((one.file, line), 0)) for line, text in enumerate(one.lines, one.first)
        )
        lines = f"<ol>{''.join(rows)}</ol>" if one.lines else f"<p>{CHANGED}</p>"
        parts.append(f'<p class="file">{escape(one.name)}</p>{lines}')
    return "".join(parts)


def _row(number: int, line: int, text: str, sent: int) -> str:
    place, text = line_id(number, line), text.rstrip()
    if sent:
        bare = text.lstrip()
        said = f"{text.removesuffix(bare)}<span>{escape(bare)}</span>"
        tip = f"Sent {counted(sent, 'command')} in this run: press to mark them"
        source = f'<button class="src" data-line="{place}" aria-pressed="false" title="{tip}">{said}</button>'
    else:
        source = f'<span class="src">{escape(text) or " "}</span>'
    chips = '<span class="chips"></span>'
    return f'<li class="row" data-row="{place}"><span class="n">{line}</span>{source}{chips}</li>'


# -- Redis ------------------------------------------------------------------------------------------------------------


def redis_html(
    now: State, before: State | None, later: float, longest: Mapping[tuple[str, str], float],
    went: Mapping[tuple[str, str], str] | None = None,
) -> str:  # fmt: skip
    """The keys at a moment, `later` seconds after a state; what changed since the one `before` is marked.

    `longest` is the longest TTL that each key had in this run: a full bar.
    """
    nodes = len({key.node for key in now.keys}) > 1
    rows = [
        _key_row(key, change, left, longest.get((key.node, key.key), 0.0), nodes)
        for key, change, left in keys_between(now, before, later, went)
    ]
    if not rows:
        return "<p>No key.</p>"
    more = f"<p><small>and {counted(now.more_keys, 'key')} more</small></p>" if now.more_keys else ""
    heads = '<tr><th scope="col">Key</th><th scope="col">Value</th><th scope="col" class="ttl">TTL left</th></tr>'
    return f"<table><thead>{heads}</thead><tbody>{''.join(rows)}</tbody></table>{more}"


def keys_between(
    now: State, before: State | None, later: float = 0.0, went: Mapping[tuple[str, str], str] | None = None
) -> Iterator[tuple[KeyState, str, float | None]]:
    """Each key, what became of it since the state before, and its TTL left; those that went come last. `went` says
    what became of keys on the way, "gone" or "expired".

    What became of it is "new", "changed", "new TTL", "deleted", "expired", or "" for nothing.
    """
    earlier = {} if before is None else {(k.node, k.key): k for k in before.keys if k.change not in GONE}
    last, ends = [], went or {}
    for key in now.keys:
        old = earlier.pop((key.node, key.key), None)
        left = None if key.left is None else key.left - later
        if key.change in GONE or (left is not None and left <= 0):
            expired = key.change == "expired" or key.change not in GONE
            if old is not None or key.change in GONE:
                last.append((key, "expired" if expired else "deleted", None))
        elif before is None:
            yield key, "", left
        else:
            yield key, _became(old, key, now.t - before.t), left
    for old in earlier.values():
        last.append((old, "expired" if ends.get((old.node, old.key)) == "expired" else "deleted", None))
    yield from last


def _became(old: KeyState | None, key: KeyState, passed: float) -> str:
    if old is None:
        return "new"
    if old.value != key.value or old.kind != key.kind:
        return "changed"
    if old.ends is not None and key.ends is not None:
        return "" if old.ends == key.ends else "new TTL"
    if old.left is None or key.left is None:
        return "" if old.left == key.left else "new TTL"
    return "new TTL" if abs(old.left - passed - key.left) > SLACK else ""


def _key_row(key: KeyState, change: str, left: float | None, longest: float, nodes: bool) -> str:
    node = f"<small>{escape(key.node)}</small> " if nodes else ""
    tag = f' <b class="tag">{change}</b>' if change else ""
    if change in ("deleted", "expired"):
        return (
            f'<tr class="gone"><td>{node}<s>{escape(key.key)}</s>{tag}</td><td><s>{escape(key.value)}</s></td>'
            f'<td class="ttl"></td></tr>'
        )
    kind = f" <small>{escape(key.kind)}</small>" if key.kind not in ("", "string") else ""
    moved = ' class="moved"' if change else ""
    return (
        f"<tr{moved}><td>{node}{escape(key.key)}{kind}{tag}</td><td>{escape(key.value)}</td>"
        f'<td class="ttl">{_left(left, longest)}</td></tr>'
    )


def _left(left: float | None, longest: float) -> str:
    if left is None:
        return "<small>none</small>"
    share = min(100.0, 100 * left / longest) if longest > 0 else 100.0
    return f'{span(left)}<span class="bar"><i style="width:{share:.0f}%"></i></span>'


# -- clients ----------------------------------------------------------------------------------------------------------


def client_html(now: ClientState, before: ClientState | None, color: str, *, brief: bool = False) -> str:
    """What a client does and waits for, its line, and its locals along the chain of awaits; changed ones are marked.

    `brief`: without the text of the line, which is marked in the code above as well.
    """
    known = {} if before is None else {frame.call: frame for chain in before.chains for frame in chain}
    waits = f" · {escape(now.waits_for)}" if now.waits_for not in ("", "ended") else ""
    parts = [f'<p><b>{escape(now.name)}</b> <span class="does">{DOES[now.does]}</span>{waits}</p>']
    for number, chain in enumerate(now.chains):
        if number and now.task_waits:
            parts.append(f'<p class="task">another task · {escape(now.task_waits[number])}</p>')
        last = None if brief or not chain else chain[-1]
        parts += [_frame(frame, known.get(frame.call), last=frame is last) for frame in chain]
    kind = now.does.split()[0]
    return f'<div class="card {kind}" style="--c:{color}">{"".join(parts)}</div>'


DOES = {"not begun": "○ not begun", "waiting": "… waits", "paused": "‖ paused", "dead": "✗ dead", "ended": "✓ ended"}
"""What a client does, with a mark that does not depend on a color."""


def _frame(frame: Frame, before: Frame | None, *, last: bool) -> str:
    """`before` is the same call at the earlier moment. If the call is new, nothing is marked."""
    place = f'<p class="at">{escape(frame.function)}, line {frame.line}</p>'
    source = f'<p><code class="src">{escape(frame.source)}</code></p>' if last and frame.source else ""
    known = None if before is None else {local.name: local.text for local in before.locals}
    rows = "".join(_local(local, known) for local in frame.locals)
    return f"{place}{source}<table><tbody>{rows}</tbody></table>" if rows else place + source


def _local(local: Local, known: Mapping[str, str] | None) -> str:
    change = ""
    if known is not None and known.get(local.name) != local.text:
        change = "changed" if local.name in known else "new"
    tag = f' <b class="tag">{change}</b>' if change else ""
    moved = ' class="moved"' if change else ""
    return f"<tr{moved}><td>{escape(local.name)}</td><td>{escape(local.text)}{tag}</td></tr>"


# -- promises ---------------------------------------------------------------------------------------------------------


def promises_html(promises: Iterable[PromiseState], says: Mapping[str, str]) -> str:
    """Each promise: it holds, and until when; or since when it is broken, why, and the facts that break it, each a
    button."""
    rows = "".join(_promise(one, says.get(one.name, one.name)) for one in promises)
    return f"<ul>{rows}</ul>" if rows else "<p>This run promises nothing.</p>"


def _promise(one: PromiseState, says: str) -> str:
    if one.holds:
        until = "" if one.since is None else _go(one.since, f"Go to {ms(one.since)}, when it breaks")
        return f'<li><span class="ok">✓ holds:</span> {prose(says)}{until}</li>'
    since = "" if one.since is None else f" since {ms(one.since)}"
    told = one.since is None or any(fact.t == one.since for fact in one.facts)
    go = "" if told or one.since is None else _go(one.since, f"Go to {ms(one.since)}, when it broke")
    facts = "".join(_go(fact.t, f"{ms(fact.t)} · {fact.who}: {fact.text}") for fact in one.facts)
    why = f"<div>{escape(one.text)}</div>" if one.text else ""
    return f'<li class="no"><span class="broken">✗ broken{since}:</span> {prose(says)}{why}{facts}{go}</li>'


def _go(t: float, words: str) -> str:
    return f'<button class="go" data-go="{t!r}">{escape(words)}</button>'
