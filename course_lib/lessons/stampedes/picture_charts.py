"""Charts of lesson 05: rival remedies, and what early refresh costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, FAINT, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, Role
from course_lib.views.picture import Picture
from course_lib.words import counted

REMEDIES: dict[str, Role] = {
    "naive": Role(VERMILLION, "X", "-", "naive"),
    "lock": Role(BLUE, "o", "-", "lock and wait"),
    "single-flight": Role(GREEN, "^", "-", "single-flight"),
    "flight+lock": Role(SKY, "D", "-.", "single-flight, then lock"),
    "placeholder": Role(PURPLE, "s", "--", "lock and placeholder"),
    "revalidate": Role(PURPLE, "v", "-.", "stale-while-revalidate"),
    "xfetch": Role(ORANGE, "P", "-", "XFetch"),
}
"""The remedies, in every chart of them. Those of one color differ in mark and in line."""
COLUMNS = {
    "loads": ("loads of the database", True),
    "p99 (ms)": ("99th percentile of latency (ms)", True),
    "stale (%)": ("stale answers (%)", False),
}
"""For each panel of `remedies`: its axis, and whether that is logarithmic."""


def remedies(rows: Mapping[str, Mapping[str, float]], names: Mapping[str, str], *, title: str) -> Picture:
    """Rival remedies, a row each, on shared axes: loads, 99th percentile of the latency, share of stale answers.

    `rows` maps a strategy to its numbers, named as in the lab: "loads", "p99 (ms)", "stale (%)". `names` labels the
    rows.
    """
    with chart(9.2, 1.3 + 0.36 * len(rows)) as figure:
        panels = figure.subplots(1, 3, sharey=True)
        for panel, (column, (label, logarithmic)) in zip(panels, COLUMNS.items(), strict=True):
            _bars(panel, [(REMEDIES.get(n, Role(GRAY, "o")), row[column]) for n, row in rows.items()], logarithmic)
            panel.set_xlabel(label)
        panels[0].set_yticks(range(len(rows)), [names[name] for name in rows])
        panels[0].invert_yaxis()
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        said = "; ".join(
            f"{names[name]}: {counted(round(row['loads']), 'load')}, p99 {row['p99 (ms)']:g} ms, "
            f"{row['stale (%)']:g} % stale"
            for name, row in rows.items()
        )
        return as_picture(figure, f"{title}. {said}.")


def _bars(panel: Axes, values: Sequence[tuple[Role, float]], logarithmic: bool) -> None:
    floor = 0.5 if logarithmic else 0.0
    for y, (role, value) in enumerate(values):
        panel.plot([floor, max(value, floor)], [y, y], color=paint(role.color), lw=2)
        panel.plot([max(value, floor)], [y], role.mark, color=paint(role.color), ms=8)
        panel.annotate(f"{value:g}", (max(value, floor), y), xytext=(8, -4), textcoords="offset points")
    if logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
    most = max((value for _, value in values), default=1.0)
    panel.set_xlim(floor, max(most, 1.0) * (4 if logarithmic else 1.3))
    panel.grid(axis="x")


def loads_per_expiry(measured: Mapping[float, float], errors: Mapping[float, float], *, seed: int) -> Picture:
    """XFetch: loads for each expiry against β, measured and derived, e^(1/β). `errors` is one standard error each."""
    with chart(7.2, 3.6) as figure:
        panel = figure.subplots()
        low, high = min(measured) * 0.85, max(measured) * 1.1
        betas = [low + (high - low) * i / 200 for i in range(201)]
        panel.plot(betas, [math.exp(1 / beta) for beta in betas], color=GRAY, lw=2, label="derived: e^(1/β)")
        panel.errorbar(
            list(measured), list(measured.values()), yerr=[2 * errors[beta] for beta in measured], fmt="P", ms=9,
            color=paint(REMEDIES["xfetch"].color), ecolor=BLUE, capsize=4, label="simulated, ± 2 standard errors",
        )  # fmt: skip
        panel.set(xlabel="β: more is earlier", ylabel="loads for each expiry", ylim=(0, None))
        panel.grid()
        panel.legend()
        near = sum(abs(measured[beta] - math.exp(1 / beta)) <= 2 * errors[beta] for beta in measured)
        title = f"{near} of {len(measured)} lie within two standard errors of what was derived"
        panel.set_title(title)
        panel.annotate(f"seed {seed}", (1, -0.2), xycoords="axes fraction", ha="right", fontsize=10, color=paint(FAINT))
        said = "; ".join(f"β = {b:g}: {m:.2f}, derived {math.exp(1 / b):.2f}" for b, m in measured.items())
        return as_picture(figure, f"XFetch, loads for each expiry: {title}. {said}.")
