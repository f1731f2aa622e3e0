"""The theatre's colors: Okabe and Ito's as everywhere in the course, darkened or lightened for what they stand on.

For a projector, in a room that is not dark, each has a contrast of at least 7 to the paper: what WCAG 2.2 asks of text
at its level AAA. Words are always ink on paper; a color never says something alone.
"""

from __future__ import annotations

Look = dict[str, str | list[str]]

LOOKS: dict[str, Look] = {
    "light": {
        "paper": "#ffffff", "ink": "#1b1b1b", "faint": "#595959", "rule": "#c4c4c4", "wash": "#f3f5f7",
        "request": "#0072B2", "reply": "#007a5a", "load": "#a36200", "lock": "#007a5a", "stale": "#F0E442",
        "alarm": "#b34700", "gray": "#6e6e6e", "clients": ["#0072B2", "#00805c", "#a8487f", "#2f7fb0"],
    },
    "dark": {
        "paper": "#111111", "ink": "#f2f2f2", "faint": "#b4b4b4", "rule": "#4d4d4d", "wash": "#1d2126",
        "request": "#56B4E9", "reply": "#2fc79a", "load": "#E69F00", "lock": "#2fc79a", "stale": "#F0E442",
        "alarm": "#ff8a47", "gray": "#9a9a9a", "clients": ["#56B4E9", "#2fc79a", "#e19cc2", "#8fc9ee"],
    },
    "projector light": {
        "paper": "#ffffff", "ink": "#000000", "faint": "#3d3d3d", "rule": "#8a8a8a", "wash": "#f3f5f7",
        "request": "#004b7a", "reply": "#005a40", "load": "#6b4300", "lock": "#005a40", "stale": "#F0E442",
        "alarm": "#862f00", "gray": "#484848", "clients": ["#004b7a", "#005a40", "#7d2459", "#3b3f9e"],
    },
    "projector dark": {
        "paper": "#000000", "ink": "#ffffff", "faint": "#d6d6d6", "rule": "#7a7a7a", "wash": "#15191d",
        "request": "#6cc3ff", "reply": "#45dcae", "load": "#ffbb3d", "lock": "#45dcae", "stale": "#F0E442",
        "alarm": "#ff9c63", "gray": "#bdbdbd", "clients": ["#6cc3ff", "#45dcae", "#f2abd1", "#b9c4ff"],
    },
}  # fmt: skip
"""The looks by name. `clients` are taken in turn; `stale` fills an outline of ink; `wash` and `rule` carry no
meaning."""
