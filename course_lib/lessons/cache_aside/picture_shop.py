"""A shop's run: what the database has to do, how long readers wait, and what is found of which book."""

from __future__ import annotations

import math
from collections import Counter

from course_lib.lessons.cache_aside.experiment_shop import SOURCES, Read, ShopResult, hit_ratio
from course_lib.views.axes import LEFT, Scale, area, dots, framed, legend, linear, panel, right, ticks, time_axis
from course_lib.views.palette import BLUE, GRAY, ORANGE
from course_lib.views.picture import Picture
from course_lib.views.room import fluid
from course_lib.words import capital, ms

DATABASE, WAIT, FOUND = (58.0, 138.0), (178.0, 296.0), (372.0, 452.0)  # top and bottom of each panel, in pixels
SHORTEST, LONGEST = 0.0005, 5.0  # ends of the axis of waits, in seconds


@fluid
def shop_picture(result: ShopResult, *, by_popularity: bool = True, uid: str | None = None) -> Picture:
    """Draw a run. The axes of waits and of hits are the same for every run; a longer queue stretches the first panel.

    The title says what happened: how long readers wait, what the cache had, what the database does. The panel of hits
    by popularity can be left out.
    """
    title = _finding(result)
    foot = (FOUND if by_popularity else WAIT)[1] + 56
    shop, queue = result.shop, result.in_the_database()
    most = max(2.0 * shop.connections, *(count for _, count in queue)) if queue else 2.0 * shop.connections
    x, y = linear(0.0, shop.duration, LEFT, right()), linear(0.0, most, DATABASE[1], DATABASE[0])
    limit = y(shop.connections)
    parts = [
        panel(DATABASE, "pages in the database, at work and waiting", [(n, y(n)) for n in ticks(most, whole=True)]),
        _queue(queue, x, y, shop.duration),
        f'<path class="limit" d="M{LEFT} {limit:.0f}H{right():g}"/><text class="s note end" x="{right() - 4}" '
        f'y="{limit - 4:.0f}">{shop.connections} connections: above this line, pages wait</text>',
        panel(WAIT, "how long each reader waited", [(ms(s), _log(s)) for s in (0.001, 0.01, 0.1, 1.0)]),
        *dots((x(r.t_end), _log(r.latency), _kind(r)) for r in result.reads if r.t_end <= shop.duration),
        time_axis(x, shop.duration, WAIT[1], "seconds (virtual time)"),
        *(_by_rank(result) if by_popularity else ()),
        legend({_kind(read) for read in result.reads}, foot),
    ]
    return framed(title, parts, height=foot + 10, alt=f"{title}. {_described(result)}", uid=uid)


def _kind(read: Read) -> str:
    return "hit" if read.hit else "load"


def _log(seconds: float) -> float:
    """A wait in seconds → y; what is off the axis is drawn at its edge."""
    share = math.log(min(max(seconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return WAIT[1] - share * (WAIT[1] - WAIT[0])


def _queue(queue: list[tuple[float, int]], x: Scale, y: Scale, end: float) -> str:
    """Pages in the database, a step at each change, between 0 and `end`."""
    level, path = 0, ""
    for t, count in queue:
        if t > end:
            break
        if t >= 0:
            path = path or f"M{x(0):.1f} {y(0):.1f}V{y(level):.1f}"
            path += f"H{x(t):.1f}V{y(count):.1f}"
        level = count
    return area(f"{path}H{x(end):.1f}", y(0), ORANGE) if path else ""


def _by_rank(result: ShopResult) -> list[str]:
    """Hits by popularity: points for the measured, in groups of ranks, and a line for what was derived."""
    shop, rate = result.shop, result.pages_per_second
    x = linear(0.0, math.log(shop.books), LEFT, right())
    y = linear(0.0, 1.0, FOUND[1], FOUND[0])
    asked, found = (Counter(_group(r.rank) for r in result.reads if r.hit or all_of_them) for all_of_them in (1, 0))
    line = "".join(
        f"{'L' if n else 'M'}{x(math.log(rank)):.1f} {y(hit_ratio(rate * shop.shares[round(rank) - 1], shop.ttl)):.1f}"
        for n, rank in enumerate(shop.books ** (n / 60) for n in range(61))
    )
    points = "".join(
        f'<circle cx="{x(math.log(rank)):.1f}" cy="{y(found[rank] / asked[rank]):.1f}" r="4" fill="{BLUE}"/>'
        for rank in asked
        if _middle(rank, shop.books) and asked[rank] >= 5
    )
    ranks = [rank for rank in (1, 10, 100, 1000, 10000) if rank <= shop.books]
    numbers = "".join(
        f'<text class="s {"end" if rank == shop.books else "mid"}" x="{x(math.log(rank)):.0f}" '
        f'y="{FOUND[1] + 18:g}">{rank:,}</text>'
        for rank in ranks
    )
    derived = f'<path d="{line}" fill="none" stroke="{GRAY}" stroke-width="2"/>' if shop.source == "cache" else ""
    return [
        panel(FOUND, "found in the cache, by popularity (points: measured; line: derived)",
              [(f"{share} %", y(share / 100)) for share in (0, 50, 100)]),
        derived, points,
        f'<path class="axis" d="M{LEFT} {FOUND[1]:g}H{right():g}"/>{numbers}'
        f'<text class="s end" x="{right():g}" y="{FOUND[1] + 36:g}">the book’s place among the most popular</text>',
    ]  # fmt: skip


def _group(rank: int) -> float:
    """Ranks that are drawn as one point, by the middle of them: each of the first ones is its own."""
    step = 2.0 ** (1 / 2)
    return rank if rank < 5 else step ** (round(math.log(rank, step)))


def _middle(rank: float, books: int) -> bool:
    return 1 <= rank <= books


def _finding(result: ShopResult) -> str:
    half = ms(round(result.percentile(50), 4))
    hits = f"{result.hit_ratio:.0%} hits, " if result.shop.source == "cache" else ""
    source = capital(SOURCES[result.shop.source])
    return f"{source}: {hits}median wait {half}, {result.loads_per_second:.0f} loads a second"


def _described(result: ShopResult) -> str:
    shop = result.shop
    loaded = sum(not read.hit for read in result.reads)
    derived = f"; {result.derived:.0%} were derived" if shop.source == "cache" else ""
    return (
        f"{len(result.reads):,} pages in {shop.duration:g} s: {len(result.reads) - loaded:,} served from the cache, "
        f"{loaded:,} loaded{derived}. 99 of 100 readers wait at most {ms(round(result.percentile(99), 3))}. On average "
        f"{result.busy:.1f} of the database's {shop.connections} connections are at work."
    )
