"""Charts of lesson 06: a TTL and what it costs, a second delete and what it leaves, strategies side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from course_lib.views.figures import as_picture, chart, paint
from course_lib.views.palette import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, Role
from course_lib.views.picture import Picture

ROLES: dict[str, Role] = {
    "ttl": Role(VERMILLION, "X"),
    "before": Role(ORANGE, "v"),
    "after": Role(ORANGE, "^"),
    "double": Role(ORANGE, "P"),
    "through": Role(SKY, "D"),
    "version": Role(BLUE, "o"),
    "lease": Role(GREEN, "s"),
    "near": Role(PURPLE, "X"),
    "flush": Role(PURPLE, "P"),
    "careful": Role(PURPLE, "o"),
}
"""The strategies, in every chart. Those of one color differ in mark."""
COLUMNS = {"stale (%)": "stale answers (%)", "oldest (s)": "the oldest answer (s)", "loads": "loads of the database"}
"""For each panel of `side_by_side`: a number of the summary, and its axis."""


def side_by_side(rows: Mapping[str, Mapping[str, float]], names: Mapping[str, str], *, title: str) -> Picture:
    """Strategies, a row each, on shared axes: stale answers, the age of the oldest, loads. `names` labels the rows."""
    with chart(9.2, 1.3 + 0.36 * len(rows)) as figure:
        panels = figure.subplots(1, len(COLUMNS), sharey=True)
        for panel, (column, label) in zip(panels, COLUMNS.items(), strict=True):
            most = max([row[column] for row in rows.values()] + [0.01])
            for y, (name, row) in enumerate(rows.items()):
                role, value = ROLES.get(name, Role(GRAY, "o")), row[column]
                panel.plot([0, value], [y, y], color=paint(role.color), lw=2)
                panel.plot([value], [y], role.mark, color=paint(role.color), ms=8, clip_on=False)
                panel.annotate(f"{value:g}", (value, y), xytext=(8, -4), textcoords="offset points")
            panel.set(xlabel=label, xlim=(0, most * 1.3))
            panel.grid(axis="x")
        panels[0].set_yticks(range(len(rows)), [names[name] for name in rows])
        panels[0].invert_yaxis()
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        said = "; ".join(
            f"{names[name]}: {row['stale (%)']:g} % stale, the oldest {row['oldest (s)']:g} s, {row['loads']:g} loads"
            for name, row in rows.items()
        )
        return as_picture(figure, f"{title}. {said}.")


def against(
    measured: Mapping[float, float],
    derived: Callable[[float], float],
    *,
    axes: tuple[str, str],
    title: str,
    more: Mapping[str, Mapping[float, float]] | None = None,
) -> Picture:
    """Shares, from 0 to 1, measured as points and derived as a line; `more` measured ones by name, in other marks.

    `axes` says what is on the axis below and on the one at the side.
    """
    with chart(7.2, 3.4) as figure:
        panel = figure.subplots()
        low, high = min(measured), max(measured)
        steps = [low + (high - low) * i / 200 for i in range(201)]
        panel.plot(steps, [100 * derived(step) for step in steps], color=GRAY, lw=2, label="derived")
        _points(panel, measured, Role(VERMILLION, "o"), "measured")
        for role, (name, points) in zip((Role(BLUE, "s"), Role(GREEN, "^")), (more or {}).items(), strict=False):
            _points(panel, points, role, name)
        panel.set(xlabel=axes[0], ylabel=f"{axes[1]} (%)", ylim=(0, None), xlim=(0, None))
        panel.grid()
        panel.legend()
        panel.set_title(title)
        said = "; ".join(f"at {x:g} {_percent(y)}, derived {_percent(derived(x))}" for x, y in measured.items())
        others = "".join(f" {name}: {_listed(points)}." for name, points in (more or {}).items())
        return as_picture(figure, f"{title}. {axes[1]} against {axes[0]}: {said}.{others}")


def _points(panel: object, points: Mapping[float, float], role: Role, name: str) -> None:
    values: Sequence[float] = [100 * share for share in points.values()]
    panel.plot(list(points), values, role.mark, color=paint(role.color), ms=8, label=name, clip_on=False)  # type: ignore[attr-defined]


def _listed(points: Mapping[float, float]) -> str:
    return "; ".join(f"at {x:g} {_percent(y)}" for x, y in points.items())


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
