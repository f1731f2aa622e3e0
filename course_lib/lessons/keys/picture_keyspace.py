"""Charts of lesson 02: what a shared key costs two versions, what a bump does, and memory as a server counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, GREEN, GREY, INK, ORANGE, SKY
from course_lib.views.picture import Picture

Points = Sequence[tuple[float, float]]


def miss_shares(derived: Points, typed: Mapping[float, float], versioned: Mapping[float, float]) -> Picture:
    """The share of reads that miss against the share of version 2, both from 0 to 1: derived for one typed key, and
    simulated for that and for a key for each version."""
    with chart(7.2, 3.6) as figure:
        panel = figure.subplots()
        panel.plot(*zip(*derived, strict=True), color=GREY, lw=2, label="derived: 2s(1 − s)")
        for found, mark, colour, name in (
            (typed, "D", ORANGE, "one key, typed value"),
            (versioned, "o", BLUE, "a key for each version"),
        ):
            panel.plot(list(found), list(found.values()), mark, color=paint(colour), ms=8, label=f"{name}, simulated")
        panel.set(xlabel="share s of the reads that come from version 2", ylabel="share of reads that miss")
        panel.set_ylim(0, 0.8)
        panel.grid()
        panel.legend(loc="upper left", ncols=1)
        most, rest = max(typed, key=lambda share: typed[share]), max(versioned.values())
        title = f"One key for two versions: up to {typed[most]:.0%} of the reads miss"
        panel.set_title(title)
        said = "; ".join(
            f"s = {s:g}: {miss:.0%}, with a key for each version {versioned[s]:.0%}" for s, miss in typed.items()
        )
        return as_picture(figure, f"{title}; with a key for each version at most {rest:.0%}. {said}.")


def after_bump(stored: Points, derived: Points, loads: Points, derived_loads: Points, *, bump: float) -> Picture:
    """Keys stored, and loads a second, before and after all processes change version at once.

    Units: seconds since the run began; `loads` holds the end of each second and the loads within it.
    """
    with chart(7.2, 4.6) as figure:
        keys, rate = figure.subplots(2, 1, sharex=True)
        keys.step(*zip(*stored, strict=True), where="post", color=GREEN, lw=2, label="simulated")
        keys.plot(*zip(*derived, strict=True), "--", color=GREY, lw=2, label="derived")
        rate.bar([t - 0.5 for t, _ in loads], [n for _, n in loads], width=0.9, color=paint(ORANGE), label="simulated")
        rate.plot(*zip(*derived_loads, strict=True), "--", color=paint(INK), lw=1.5, marker="D", ms=4, label="derived")
        for panel, name in ((keys, "keys stored"), (rate, "loads in each second")):
            panel.axvline(bump, color=GREY, ls=":")
            panel.set(ylim=(0, None), ylabel=name)
            panel.grid()
            panel.legend(loc="upper right")
        keys.annotate("the bump", (bump, 0), xytext=(5, 6), textcoords="offset points")
        rate.set_xlabel("seconds (virtual time)")
        before = [count for t, count in stored if t <= bump][-1]
        most = max(count for _, count in stored)
        peak = max(count for _, count in loads)
        title = f"The bump: {before:g} keys become {most:g}, and {peak:g} loads follow in one second"
        keys.set_title(title)
        ahead = max(count for _, count in derived)
        usual = [count for t, count in loads if t <= bump]
        before_it = f"; in the second before it {usual[-1]:g}" if usual else ""
        return as_picture(figure, f"{title}{before_it}. Derived: at most {ahead:.0f} keys.")


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
