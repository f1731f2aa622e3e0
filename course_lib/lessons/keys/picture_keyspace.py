"""Charts of lesson 02: what a shared key costs two versions, what a bump does, and memory as a server counts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from course_lib.lessons.keys.experiment_rollout import RolloutResult
from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, GRAY, GREEN, INK, ORANGE, SKY
from course_lib.views.picture import Picture

Points = Sequence[tuple[float, float]]


def miss_shares(derived: Points, typed: Mapping[float, float], versioned: Mapping[float, float]) -> Picture:
    """The share of reads that miss against the share of version 2, both from 0 to 1: derived for one typed key, and
    simulated for that and for a key for each version."""
    with chart(7.2, 3.6) as figure:
        panel = figure.subplots()
        panel.plot(*zip(*derived, strict=True), color=GRAY, lw=2, label="derived: 2s(1 − s)")
        for found, mark, color, name in (
            (typed, "D", ORANGE, "one key, typed value"),
            (versioned, "o", BLUE, "a key for each version"),
        ):
            panel.plot(list(found), list(found.values()), mark, color=paint(color), ms=8, label=f"{name}, simulated")
        panel.set(xlabel="share s of the reads from version 2", ylabel="share of reads that miss", ylim=(0, 0.8))
        panel.grid()
        panel.legend(loc="upper left", ncols=1)
        most, rest = max(typed, key=lambda share: typed[share]), max(versioned.values())
        title = f"One key for two versions: up to {typed[most]:.0%} of the reads miss"
        panel.set_title(title)
        said = "; ".join(
            f"s = {s:g}: {miss:.0%}, with a key for each version {versioned[s]:.0%}" for s, miss in typed.items()
        )
        return as_picture(figure, f"{title}; with a key for each version at most {rest:.0%}. {said}.")


def after_bump(result: RolloutResult, keys: Callable[[float], float], loads: Callable[[float], float]) -> Picture:
    """Keys stored, and loads a second, before and after all processes change version at once.

    `keys` and `loads` are derived, of the seconds since the bump: how many keys are stored, and the rate of loads at
    that instant. The rate is drawn beside its mean over each second, because the simulated loads are counted by the
    second.
    """
    bump, end = result.rollout.begins, int(result.rollout.duration)
    stored, seconds = [(step.t, step.keys) for step in result.stored], [n + 0.5 for n in range(end)]
    counted = [sum(read.kind == "load" and abs(read.t - s) <= 0.5 for read in result.reads) for s in seconds]
    moments = [(n + 0.5) / 50 - bump for n in range(50 * end)]
    stays, rates = [(t + bump, keys(t)) for t in moments if t >= 0], [(t + bump, loads(t)) for t in moments]
    means = [sum(rate for t, rate in rates if abs(t - s) < 0.5) / 50 for s in seconds]
    with chart(7.2, 4.6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.step(*zip(*stored, strict=True), where="post", color=GREEN, lw=2, label="simulated")
        upper.plot(*zip(*stays, strict=True), "--", color=GRAY, lw=2, label="derived")
        lower.bar(seconds, counted, width=0.9, color=paint(ORANGE), label="simulated, in each second")
        lower.plot(seconds, means, "D", color=paint(INK), ms=5, label="derived, in each second")
        lower.plot(*zip(*rates, strict=True), "--", color=GRAY, lw=2, label="derived, at each instant")
        for panel, name in ((upper, "keys stored"), (lower, "loads a second")):
            panel.set(ylim=(0, None), ylabel=name)
            panel.grid()
            panel.legend(loc="upper right")
        lower.set_xlabel(f"seconds (virtual time); the bump is at {bump:g}")
        before, most = [count for t, count in stored if t <= bump][-1], max(count for _, count in stored)
        title = f"The bump: {before:g} keys become {most:g}, and {max(counted):g} loads follow in one second"
        upper.set_title(title)
        said = f"Derived: at most {max(n for _, n in stays):.0f} keys; {loads(0.0):.0f} loads a second at the first"
        return as_picture(figure, f"{title}. {said} instant, and {max(means):.0f} in the first second.")


def memory(rows: Sequence[Mapping[str, object]]) -> Picture:
    """Bars of `used_memory (MB)`, one for each `state`, in order."""
    with chart(7.2, 0.9 + 0.42 * len(rows)) as figure:
        panel = figure.subplots()
        used = [float(str(row["used_memory (MB)"])) for row in rows]
        states = [str(row["state"]) for row in rows]
        panel.barh(range(len(rows)), used, color=paint(SKY), height=0.6)
        for y, (row, mb) in enumerate(zip(rows, used, strict=True)):
            panel.annotate(f"{mb:g} MB, {row['keys']:,} keys", (mb, y), xytext=(6, -4), textcoords="offset points")
        panel.set_yticks(range(len(rows)), states)
        panel.invert_yaxis()
        panel.set(xlim=(0, max(used, default=1.0) * 1.8), xlabel="used_memory (MB)")
        title = f"A bump frees nothing: {used[0]:g} MB before it, {used[1]:g} MB after it"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
        said = "; ".join(f"{state}: {mb:g} MB" for state, mb in zip(states, used, strict=True))
        return as_picture(figure, f"{title}. {said}.")
