"""TTL − elapsed − drift = validity, drawn: keys that begin at different moments, and a lease that ends before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from course_lib.lessons.locks.experiment_acquisition import Answer
from course_lib.views.axes import LEFT, Scale, framed, linear, right, time_axis
from course_lib.views.palette import BLUE, FAINT, GRAY, GREEN, INK, ORANGE, PAPER, VERMILLION
from course_lib.views.picture import Picture
from course_lib.views.room import fluid

ROW, TOP, GAP = 26.0, 68.0, 52.0


@fluid
def validity(answers: Sequence[Answer], *, ttl: float, elapsed: float, lasts: float) -> Picture:
    """Draw one acquisition, by the names of `Acquisition`. Units: seconds since its first request left."""
    most = 1.35 * max(ttl, elapsed)
    x = linear(0.0, 1000 * most, LEFT, right())
    expiries = [ran + ttl for ran, _ in answers if ran is not None]
    gap = (min(expiries, default=0.0) - lasts) * 1000
    title = f"The lease ends {gap:.0f} ms before the first of its keys" if lasts > elapsed else "No validity is left"
    bottom = TOP + ROW * len(answers)
    parts = [
        f'<text class="b" x="12" y="{TOP - 14}">the key on each node, from the request to its expiry</text>',
        *(part for number, answer in enumerate(answers) for part in _node(number, answer, ttl, x)),
        f'<text class="b" x="12" y="{bottom + GAP - 16}">what the worker counts</text>',
        *_sum(x, bottom + GAP, ttl, elapsed, lasts),
        f'<path class="limit" d="M{x(lasts * 1000):.1f} {TOP - 6}V{bottom + GAP + 20}"/>',
        f'<circle cx="20" cy="{bottom + GAP + 76}" r="4.5" fill="{ORANGE}" style="stroke:{INK}"/>',
        f'<text class="s" x="32" y="{bottom + GAP + 80}">the node\'s reply, within the time-out</text>',
        time_axis(x, 1000 * most, bottom + GAP + 34, "ms since the first request left"),
    ]
    return framed(title, parts, height=bottom + GAP + 92, alt=_alt(title, answers, ttl, elapsed, lasts))


def _node(number: int, answer: Answer, ttl: float, x: Scale) -> Iterator[str]:
    y, (ran, replied) = TOP + ROW * (number + 0.5), answer
    yield f'<path class="grid" d="M{LEFT} {y}H{right():g}"/>'
    yield f'<text class="s end" x="{LEFT - 8}" y="{y + 4}">node {number + 1}</text>'
    if ran is None:
        yield f'<path d="M{x(0) + 26:.1f} {y - 6}l12 12m0-12l-12 12" stroke="{VERMILLION}" stroke-width="3"/>'
        yield f'<text class="s note" x="{x(0) + 46:.1f}" y="{y + 4}">the request is lost: no key, and no reply</text>'
        return
    left, end = x(ran * 1000), x((ran + ttl) * 1000)
    yield f'<rect x="{left:.1f}" y="{y - 9}" width="{end - left:.1f}" height="18" rx="2" style="fill:{PAPER}"/>'
    yield (
        f'<rect x="{left:.1f}" y="{y - 9}" width="{end - left:.1f}" height="18" rx="2" fill="{BLUE}" '
        f'fill-opacity=".3" stroke="{BLUE}" stroke-width="1.2"/>'
    )
    yield f'<text class="s" x="{end + 6:.1f}" y="{y + 4}">{(ran + ttl) * 1000:.0f}</text>'
    if replied is not None:
        yield f'<circle cx="{x(replied * 1000):.1f}" cy="{y}" r="4.5" fill="{ORANGE}" style="stroke:{INK}"/>'
    else:
        yield f'<text class="s note" x="{left + 6:.1f}" y="{y + 4}">its reply came too late</text>'


def _sum(x: Scale, y: float, ttl: float, elapsed: float, lasts: float) -> Iterator[str]:
    """Elapsed, validity and drift, end to end: together the TTL."""
    left_over = lasts > elapsed
    spent = f"elapsed {elapsed * 1000:.0f}" + ("" if left_over else ": nothing is left")
    pieces = [(0.0, elapsed, ORANGE, spent)]
    if left_over:
        pieces.append((elapsed, lasts, GREEN, f"validity {(lasts - elapsed) * 1000:.0f}"))
        pieces.append((lasts, ttl, GRAY, f"drift {(ttl - lasts) * 1000:.0f}"))
    for start, stop, color, words in pieces:
        left, end = x(start * 1000), x(stop * 1000)
        yield (
            f'<rect x="{left:.1f}" y="{y - 9}" width="{max(end - left, 0):.1f}" height="24" fill="{color}" '
            f'fill-opacity=".4" stroke="{color}" stroke-width="1.2"/>'
        )
        if end - left > len(words) * 7:
            yield f'<text class="mid" x="{(left + end) / 2:.1f}" y="{y + 8}">{words}</text>'
        else:
            yield f'<text class="note" x="{end + 5:.1f}" y="{y + 8}">{words}</text>'
    yield f'<path class="axis" d="M{x(0):.1f} {y - 13}V{y + 19}" stroke="{FAINT}"/>'


def _alt(title: str, answers: Sequence[Answer], ttl: float, elapsed: float, lasts: float) -> str:
    nodes = "; ".join(
        f"node {number} " + ("no key" if ran is None else f"from {ran * 1000:.0f} to {(ran + ttl) * 1000:.0f} ms")
        for number, (ran, _) in enumerate(answers, 1)
    )
    return (
        f"{title}. Keys: {nodes}. TTL {ttl * 1000:.0f} ms − elapsed {elapsed * 1000:.0f} ms − drift "
        f"{(ttl - lasts) * 1000:.0f} ms = validity {(lasts - elapsed) * 1000:.0f} ms."
    )
