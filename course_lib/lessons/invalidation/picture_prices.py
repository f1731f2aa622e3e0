"""Readers of a price that changes: how old each answer was, over time, and how often which age occurred."""

from __future__ import annotations

import math
from collections import Counter

from course_lib.lessons.invalidation.experiment_prices import PricesSeen
from course_lib.lessons.invalidation.experiment_strategies import STRATEGIES
from course_lib.views.axes import LEFT, Kind, Place, Scale, dots, framed, legend, linear, panel, right, ticks, time_axis
from course_lib.views.palette import BLUE, PURPLE
from course_lib.views.picture import Picture
from course_lib.words import capital, counted

AGES, SHARES = (58.0, 218.0), (312.0, 442.0)  # top and bottom of each panel, in pixels
BINS, LEAST, MOST = 48, 0.0001, 1.0  # of the histogram; the ends of its axis of shares
KINDS = {
    "right": Kind("the right price, or one that changed just now", BLUE, "h.01", 3.4),
    "stale": Kind("an old price", PURPLE, "m-3 0l3-3 3 3-3 3z"),
}


def prices_picture(seen: PricesSeen) -> Picture:
    """Draw a run, on axes that depend on its setting and not on its strategy; an older answer stretches them."""
    title, most = finding(seen), max(1.2 * seen.prices.ttl, seen.oldest)
    x = linear(0.0, most, LEFT, right())
    limit = f'<path class="limit" d="M{x(seen.prices.ttl):.0f} {SHARES[0]}V{SHARES[1]}"/>'
    parts = [
        *over_time(seen, AGES, most),
        legend(KINDS, AGES[1] + 58, KINDS),
        panel(SHARES, "of all answers, how many were how old", [(f"{100 * s:g} %", _log(s)) for s in
                                                               (0.0001, 0.001, 0.01, 0.1, 1.0)]),
        _bars(seen, x, most), limit,
        f'<text class="s note" x="{x(seen.prices.ttl) + 4:.0f}" y="{SHARES[0] + 10}">TTL</text>',
        time_axis(x, most, SHARES[1], "seconds for which the price shown had been wrong"),
    ]  # fmt: skip
    return framed(title, parts, height=SHARES[1] + 44, alt=f"{title}. {described(seen)}")


def over_time(seen: PricesSeen, place: Place, most: float) -> list[str]:
    """A panel: when each answer was given, and for how long its price had been wrong. A line marks each change."""
    x = linear(0.0, seen.prices.duration, LEFT, right())
    y = linear(0.0, most, place[1], place[0])
    points = (
        (x(min(a.t_end, seen.prices.duration)), y(seen.age(a)), "stale" if seen.is_stale(a) else "right")
        for a in seen.answers
    )
    changes = "".join(f"M{x(t):.1f} {place[0]}V{place[1]}" for t in seen.changed)
    ttl = y(seen.prices.ttl)
    return [
        panel(place, "for how long the price shown had been wrong (s)", [(n, y(n)) for n in ticks(most)]),
        f'<path class="grid" d="{changes}"/><path class="limit" d="M{LEFT} {ttl:.0f}H{right():g}"/>',
        f'<text class="s note end" x="{right() - 4}" y="{ttl - 4:.0f}">TTL {seen.prices.ttl:g} s</text>',
        *dots(points, KINDS),
        time_axis(x, seen.prices.duration, place[1], "seconds (virtual time); a line for each change of the price"),
    ]


def _bars(seen: PricesSeen, x: Scale, most: float) -> str:
    """A histogram: its first bar, half as wide and blue, holds the right answers."""
    width = most / BINS
    counts = Counter(min(int(age / width), BINS - 1) for age in seen.ages)
    bars = [(0.0, 0.5, len(seen.answers) - len(seen.ages), BLUE)]
    bars += [(place + (0.5 if place == 0 else 0.0), place + 1, count, PURPLE) for place, count in counts.items()]
    return "".join(
        f'<path d="M{x(begin * width) + 1:.1f} {_log(LEAST):.1f}V{_log(count / len(seen.answers)):.1f}'
        f'H{x(end * width) - 1:.1f}V{_log(LEAST):.1f}z" fill="{color}"/>'
        for begin, end, count, color in bars
        if count
    )


def _log(share: float) -> float:
    part = math.log(min(max(share, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return SHARES[1] - part * (SHARES[1] - SHARES[0])


def finding(seen: PricesSeen) -> str:
    """The title: what share was stale, and how old the oldest."""
    label = capital(STRATEGIES[seen.prices.strategy].label)
    if not seen.ages:
        return f"{label}: no answer was stale, {counted(seen.loads, 'load')}"
    return f"{label}: {seen.stale_share:.1%} stale, the oldest by {seen.oldest:.1f} s; {counted(seen.loads, 'load')}"


def described(seen: PricesSeen) -> str:
    """The numbers behind the picture."""
    stale = len(seen.ages)
    half = f", half of them one that had been wrong for more than {seen.ages[stale // 2]:.1f} s" if stale else ""
    return (
        f"The price changed {counted(len(seen.changed), 'time')} in {seen.prices.duration:g} s. "
        f"Of {len(seen.answers):,} answers, {stale:,} showed an old price{half}. The TTL is {seen.prices.ttl:g} s."
    )
