"""Pictures of lesson 03: what a rate limiter let pass, five of them on the same axes, and what others wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, MICRO, Traffic, TrafficResult
from course_lib.views.axes import LEFT, Scale, area, framed, linear, panel, right, ticks, time_axis
from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION, Role
from course_lib.views.picture import Picture
from course_lib.views.room import fluid
from course_lib.words import capital

LIMITERS: dict[str, Role] = {
    "fixed": Role(VERMILLION, "X", "-", "fixed window"),
    "log": Role(BLUE, "o", "-", "sliding log"),
    "counter": Role(GREEN, "^", "--", "sliding counter"),
    "bucket": Role(ORANGE, "s", "-", "token bucket"),
    "gcra": Role(PURPLE, "D", ":", "GCRA"),
}
"""The five limiters, in every picture of them."""

REQUESTS, WITHIN, SLICES = (60.0, 150.0), (198.0, 418.0), 98
Points = Sequence[tuple[float, float]]


# -- the lab ----------------------------------------------------------------------------------------------------------


@fluid
def limiter_picture(result: TrafficResult) -> Picture:
    """One run; the title says how many were admitted in the fullest window."""
    given, most = result.traffic, result.fullest[1]
    over = f", {most - given.limit} more than the limit" if most > given.limit else ", and the limit held"
    title = f"{capital(ALGORITHMS[given.algorithm].label)}: at most {most} in {given.window:g} s{over}"
    return limiter([(request.t / MICRO, request.allowed) for request in result.asked], result.curve, given, title=title)


def limiter(asked: Sequence[tuple[float, bool]], curve: Points, given: Traffic, *, title: str) -> Picture:
    """Above, requests that were admitted and refused; below, how many were admitted within the last window.

    `asked` says when and whether admitted; `curve` from when on how many lie in the window that ends there. Axes depend
    on the traffic and not on the algorithm; what is larger stretches them. Units: seconds.
    """
    window, limit, bound, end = given.window, given.limit, given.bound, given.duration
    top = 2 * limit
    x, (at, most) = linear(0.0, end, LEFT, right()), max(curve, key=lambda step: step[1], default=(0.0, 0.0))
    y = linear(0.0, max(top, most) * 1.14, WITHIN[1], WITHIN[0])
    admitted = sum(allowed for _, allowed in asked)
    parts = [
        _fullest(x, at, window),
        _requests(asked, x, end),
        _calendar(x, given.boundaries, end),
        panel(WITHIN, f"admitted within the last {window:g} s", [(n, y(n)) for n in ticks(top, whole=True, about=4)]),
        _steps([(t, n) for t, n in curve if t <= end], x, y, end),
        _level(y(limit), f"limit {limit}", "limit", below=0 < y(limit) - y(bound) < 16),
        _level(y(bound), f"derived: at most {bound}", "axis") if bound != limit else "",
        _peak(x(at), y(most), f"{most:g} at {at:.3g} s", crowded=x(at) < 240 and most > 0.9 * bound),
        time_axis(x, end, WITHIN[1], "seconds (virtual time)"),
        _legend(),
    ]
    alt = (
        f"{title}. {admitted:,} of {len(asked):,} requests were admitted. In the fullest window of {window:g} s, which "
        f"ends at {at:.3g} s, {most:g} were admitted; the limit is {limit}, and at most {bound} are possible."
    )
    return framed(title, parts, height=490, alt=alt)


def _fullest(x: Scale, at: float, window: float) -> str:
    left, right = max(x(at - window), LEFT), x(at)
    box = f'x="{left:.1f}" y="{REQUESTS[0]}" width="{max(right - left, 1):.1f}" height="{WITHIN[1] - REQUESTS[0]}"'
    return f'<rect {box} fill="{SKY}" fill-opacity=".16"/>'


def _requests(asked: Sequence[tuple[float, bool]], x: Scale, end: float) -> str:
    """Bars from a common line: upwards what was admitted, downwards what was refused."""
    counts = {True: [0] * SLICES, False: [0] * SLICES}
    for t, allowed in asked:
        counts[allowed][min(int(t / end * SLICES), SLICES - 1)] += 1
    tallest = max(max(counts[True]), max(counts[False]), 1)
    middle, unit, wide = sum(REQUESTS) / 2, (REQUESTS[1] - REQUESTS[0]) / 2.4 / tallest, (right() - LEFT) / SLICES
    bars = {
        allowed: "".join(
            f"M{LEFT + i * wide:.1f} {middle:.1f}h{wide - 1:.1f}v{(-n if allowed else n) * unit:.1f}h{1 - wide:.1f}z"
            for i, n in enumerate(counts[allowed])
            if n
        )
        for allowed in (True, False)
    }
    name = f"requests in each {end / SLICES * 1000:.0f} ms: admitted above the line, refused below"
    lines = [(tallest, middle - unit * tallest), (0, middle), (tallest, middle + unit * tallest)]
    return (
        panel(REQUESTS, name, lines)
        + f'<path fill="{BLUE}" d="{bars[True]}"/><path fill="{VERMILLION}" fill-opacity=".25" stroke="{VERMILLION}" '
        f'd="{bars[False]}"/>'
    )


def _calendar(x: Scale, boundaries: Sequence[float], end: float) -> str:
    inside = [at for at in boundaries if 0 < at < end]
    lines = "".join(f"M{x(at):.1f} {REQUESTS[0]}V{WITHIN[1]}" for at in inside)
    return f'<path class="limit" d="{lines}"/>' if inside else ""


def _steps(curve: Points, x: Scale, y: Scale, end: float) -> str:
    """The largest value at each pixel, as steps: a curve of a thousand steps stays a short path."""
    levels: dict[int, float] = {}
    lasts: dict[int, float] = {}
    for t, n in curve:
        at = round(x(t))
        levels[at], lasts[at] = max(levels.get(at, 0.0), n), n
    path, level = f"M{LEFT} {y(0):.1f}", 0.0
    for at, most in levels.items():
        path += f"H{at}V{y(most):.1f}" + (f"V{y(lasts[at]):.1f}" if lasts[at] != most else "")
        level = lasts[at]
    path += f"V{y(level):.1f}H{x(end):.1f}"
    return area(path, y(0), BLUE, opacity=0.22, width=1.8)


def _level(y: float, words: str, style: str, *, below: bool = False) -> str:
    """A line across, with its words above it, or below where another line is near."""
    return (
        f'<path class="{style}" stroke-width="1.5" d="M{LEFT} {y:.1f}H{right():g}"/>'
        f'<text class="s note" x="{LEFT + 8}" y="{y + (14 if below else -5):.1f}">{words}</text>'
    )


def _peak(x: float, y: float, words: str, *, crowded: bool) -> str:
    """The fullest window's end, ringed, and its words above it, or below where the bound's own words are."""
    anchor, dx = ("end", -12) if x > 560 else ("start", 12)
    dy = 18 if crowded else -10
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="{INK}" stroke-width="2.5"/>'
        f'<text class="b note" text-anchor="{anchor}" x="{x + dx:.1f}" y="{y + dy:.1f}">{words}</text>'
    )


def _legend() -> str:
    y = WITHIN[1] + 58
    return (
        f'<rect x="16" y="{y - 11}" width="16" height="12" fill="{SKY}" fill-opacity=".3" stroke="{SKY}"/>'
        f'<text class="s" x="38" y="{y}">the fullest window</text>'
        f'<path class="limit" d="M176 {y - 5}h24"/><text class="s" x="206" y="{y}">dashed, upright: a calendar window '
        f"ends; level: the limit</text>"
    )


# -- charts -----------------------------------------------------------------------------------------------------------


def rivals(curves: Mapping[str, Points], *, limit: int, window: float, end: float, arrivals: str) -> Picture:
    """The five limiters under the same traffic: admitted within the last window, against the limit.

    `curves` maps a limiter's name, as in LIMITERS, to steps (second, number).
    """
    with chart(8.2, 4.2) as figure:
        axes = figure.subplots()
        most = {name: max((n for _, n in curve), default=0) for name, curve in curves.items()}
        for name, curve in curves.items():
            shown = [(0.0, 0.0), *(step for step in curve if step[0] <= end)]
            _rival(axes, [*shown, (end, shown[-1][1])], LIMITERS[name], most[name])
        axes.axhline(limit, color=GRAY, lw=1.5, ls="--")
        axes.annotate(f"limit {limit}", (0, limit), xytext=(4, 4), textcoords="offset points")
        axes.set(xlim=(0, end), ylim=(0, None))
        axes.set(xlabel="seconds (virtual time)", ylabel=f"admitted within the last {window:g} s")
        axes.grid()
        axes.legend(loc="upper left", fontsize=10)
        least, largest = min(most.values()), max(most.values())
        title = f"{capital(arrivals)}: {least:g} to {largest:g} in one window"
        axes.set_title(title)
        said = "; ".join(f"{LIMITERS[name].name} {number:g}" for name, number in most.items())
        return as_picture(figure, f"{title}. Limit {limit} per {window:g} s. {said}.")


def _rival(axes: Axes, curve: Points, role: Role, most: float) -> None:
    width, above = {"-": (4.5, 2), "--": (2.5, 3), ":": (2.5, 4)}[
        role.line
    ]  # lines that can lie on top of another are thinner
    at = next(i for i, step in enumerate(curve) if step[1] == most)
    axes.step(
        *zip(*curve, strict=True), where="post", color=paint(role.color), ls=role.line, lw=width, marker=role.mark,
        ms=8, markevery=[at], label=f"{role.name}: at most {most:g}", zorder=above,
    )  # fmt: skip


def retries(measured: Mapping[int, float]) -> Picture:
    """What WATCH costs: tries that failed, against the number of clients that begin together, and the bound."""
    with chart(7.2, 3.4) as figure:
        axes = figure.subplots()
        clients = range(max(measured) + 1)
        axes.plot(clients, [n * (n - 1) / 2 for n in clients], color=GRAY, lw=2, label="derived: at most n(n − 1)/2")
        axes.plot(clients, [0 for _ in clients], color=GREEN, lw=2, ls="--", label="one command, or a script: none")
        axes.plot(list(measured), list(measured.values()), "o", color=BLUE, ms=8, label="WATCH, simulated")
        axes.set(xlabel="clients n that count one each", ylabel="tries that failed", xticks=list(measured))
        axes.grid()
        axes.legend()
        n = max(measured)
        title = f"{n} clients, one update each: {measured[n]:g} tries failed"
        axes.set_title(title)
        said = "; ".join(f"{n} clients: {tries:g}, at most {n * (n - 1) // 2}" for n, tries in measured.items())
        return as_picture(figure, f"WATCH under contention. {title}. {said}.")


def waits(pings: Points, *, began: float, ended: float) -> Picture:
    """How long each PING took, by when it was sent, while a script ran from `began` to `ended`. Units: seconds."""
    with chart(7.6, 3.4) as figure:
        axes = figure.subplots()
        axes.axvspan(began, ended, color=paint(SKY), alpha=0.25, label="the script runs")
        axes.plot([began, ended], [(ended - began) * 1000, 0], color=GRAY, lw=2, label="derived: until its end")
        sent, took = [t for t, _ in pings], [wait * 1000 for _, wait in pings]
        # The blue has an edge, and a dot that stands on the axis is drawn whole.
        axes.plot(sent, took, "o", ms=6, color=BLUE, mec=paint(INK), mew=0.6, label="a PING", clip_on=False, zorder=3)
        axes.set(xlabel="when it was sent (s)", ylabel="time until its reply (ms)", ylim=(0, None))
        axes.grid()
        axes.legend()
        longest = max(wait for _, wait in pings) * 1000
        during = sum(began <= t < ended for t, _ in pings)
        title = f"A script of {(ended - began) * 1000:.0f} ms: somebody else's PING takes {longest:.0f} ms"
        axes.set_title(title)
        before = max((wait for t, wait in pings if t < began), default=0.0) * 1000
        told = f"{during} of {len(pings)} were sent while it ran; before it the longest took {before:.1f} ms."
        return as_picture(figure, f"{title}. {told}")
