"""Charts of lesson 00: the hit ratio, derived and measured, and how long one question takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.lessons.cache_aside.experiment_latency import Timing
from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, FAINT, GRAY, GREEN, ORANGE, PURPLE
from course_lib.views.picture import Picture

MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))


def hit_ratios(
    derived: Mapping[float, Sequence[tuple[float, float]]],
    measured: Mapping[float, Mapping[float, float]],
    *,
    seed: int,
) -> Picture:
    """The hit ratio against the skew, for each TTL: derived as a line of (skew, ratio), measured as points by skew."""
    with chart(7.4, 3.8) as figure:
        panel = figure.subplots()
        for (ttl, line), (color, mark) in zip(derived.items(), MARKS, strict=False):
            panel.plot(*zip(*line, strict=True), color=GRAY, lw=2)
            found = measured[ttl]
            panel.plot(list(found), [found[s] for s in found], mark, color=paint(color), ms=8, label=f"TTL {ttl:g} s")
        panel.plot([], [], color=GRAY, lw=2, label="derived")
        panel.set(xlabel="skew s of the popularity, 1 / rank^s", ylabel="hit ratio", ylim=(0, 1))
        panel.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        panel.grid()
        panel.legend(loc="lower right")
        off = max(abs(found - _at(derived[ttl], s)) for ttl, by in measured.items() for s, found in by.items())
        title = f"Measured and derived differ by {off * 100:.1f} points at most"
        panel.set_title(title)
        panel.annotate(f"seed {seed}", (1, -0.2), xycoords="axes fraction", ha="right", fontsize=10, color=paint(FAINT))
        said = "; ".join(
            f"TTL {ttl:g} s, skew {s:g}: {found:.0%}, derived {_at(derived[ttl], s):.0%}"
            for ttl, by in measured.items()
            for s, found in by.items()
        )
        return as_picture(figure, f"Hit ratio against skew. {title}. {said}.")


def _at(line: Sequence[tuple[float, float]], skew: float) -> float:
    """The derived ratio nearest to that skew."""
    return min(line, key=lambda point: abs(point[0] - skew))[1]


PLACES = ((PURPLE, "D"), (BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))


def latency_chart(timings: Sequence[Timing]) -> Picture:
    """Every question on one logarithmic axis: a mark at the median, a line from there to the 99th percentile."""
    groups = list(dict.fromkeys(timing.group for timing in timings))
    ordered = [timing for group in groups for timing in timings if timing.group == group]
    with chart(7.6, 1.9 + 0.38 * len(ordered)) as figure:
        panel = figure.subplots()
        for y, timing in enumerate(ordered):
            color, mark = PLACES[groups.index(timing.group) % len(PLACES)]
            half, most = timing.percentile(50) * 1e6, timing.percentile(99) * 1e6
            first = timing.group not in {other.group for other in ordered[:y]}
            panel.plot([half, most], [y, y], color=paint(color), lw=2)
            panel.plot([half], [y], mark, color=paint(color), ms=8, label=timing.group if first else None)
            panel.annotate(f"{half:,.1f} µs", (half, y), xytext=(0, 7), textcoords="offset points", ha="center")
        panel.set_yticks(range(len(ordered)), [timing.name for timing in ordered])
        panel.set_ylim(len(ordered) - 0.4, -0.8)
        panel.set_xscale("log")
        panel.set_xlim(left=0.3e6 * min(timing.percentile(50) for timing in ordered))  # room for its label
        panel.xaxis.set_major_formatter("{x:,g}")
        panel.set_xlabel("microseconds: median, and a line to the 99th percentile")
        panel.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=2, fontsize=10)
        title = _finding(timings)
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        said = "; ".join(f"{t.name} ({t.group}): {t.percentile(50) * 1e6:,.1f} µs" for t in ordered)
        return as_picture(figure, f"{title}. Medians: {said}.")


def _finding(timings: Sequence[Timing]) -> str:
    """What the comparison comes to: of a round trip, how little is the server's work."""
    by_name = {timing.name: timing.percentile(50) for timing in timings if "pause" not in timing.group}
    inside, outside = by_name["GET: the server's own work"], by_name["GET: redis-py"]
    return f"Redis works {inside * 1e6:.1f} µs on a GET; the client waits {outside / inside:,.0f} times as long for it"
