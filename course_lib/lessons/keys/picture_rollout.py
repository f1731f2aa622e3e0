"""A rolling deploy: who runs which version, every read by each version's code, and what the cache holds."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.lessons.keys.experiment_rollout import RolloutResult
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES
from course_lib.views.axes import LEFT, Place, Scale, area, dots, framed, legend, linear, panel, right, ticks, time_axis
from course_lib.views.palette import GRAY, GREEN, SKY
from course_lib.views.picture import Picture
from course_lib.views.room import fluid
from course_lib.words import capital

SHARE, OLD, NEW, MEMORY = (58.0, 86.0), (122.0, 218.0), (254.0, 350.0), (386.0, 476.0)
LARGEST = 0.3
"""kB of the largest key with its value."""
LAYERS = (("both versions can read it", GRAY), ("version 1 alone", SKY), ("version 2 alone", GREEN))
NAMES = {"hit": "served from the cache", "stale": "stale", "load": "misses that loaded", "error": "crashes"}


@fluid
def rollout_picture(result: RolloutResult, *, reads_only: bool = False) -> Picture:
    """Draw a run on axes that depend on the rollout and not on its strategy; what is larger stretches its own axis.

    The title says what happened: crashes, stale reads and misses. `reads_only` leaves out what is stored, for a slide.
    """
    given, title = result.rollout, _finding(result)
    stored = [(step.t, (step.both / 1000, step.v1 / 1000, step.v2 / 1000)) for step in result.stored]
    most = max([LARGEST * given.keys, *(sum(kb) for _, kb in stored)])
    x, begins, end = linear(0.0, given.duration, LEFT, right()), given.begins, given.duration
    y_share, y_kb = linear(0.0, 1.0, SHARE[1], SHARE[0]), linear(0.0, most, MEMORY[1], MEMORY[0])
    places = [SHARE, OLD, NEW] if reads_only else [SHARE, OLD, NEW, MEMORY]
    low = places[-1][1]
    parts = [
        panel(SHARE, "share of version 2", [("0", y_share(0)), ("1", y_share(1))]),
        _stairs(given.restarts(), given.processes, x, y_share, end),
        *_reads(result, 1, OLD, x),
        *_reads(result, 2, NEW, x),
        "".join(f'<path class="limit" d="M{x(begins):.0f} {top}V{bottom}"/>' for top, bottom in places),
        f'<text class="s note end" x="{x(begins) - 6:.0f}" y="{SHARE[1] - 8}">deploy begins</text>',
        time_axis(x, end, low, "seconds (virtual time)"),
        legend({read.kind for read in result.reads}, low + 56),
    ]
    if not reads_only:
        parts += [
            panel(MEMORY, "stored keys and values (kB)", [(n, y_kb(n)) for n in ticks(most)]),
            *_layers(stored, x, y_kb, end),
            _layer_legend({layer for _, kb in stored for layer in range(3) if kb[layer]}),
        ]
    return framed(title, parts, height=low + (66 if reads_only else 86), alt=_alt(title, result))


def _finding(result: RolloutResult) -> str:
    crashes, stale, misses = (result.count(kind) for kind in ("error", "stale", "load"))
    bad = [f"{crashes:,} crashes"] * bool(crashes) + [f"{stale:,} stale reads"] * bool(stale)
    label = capital(STRATEGIES[result.rollout.strategy].label)
    return f"{label}: {', '.join(bad or ['no crash, nothing stale'])}, {misses:,} misses"


def _stairs(restarts: Sequence[float], processes: int, x: Scale, y: Scale, end: float) -> str:
    steps = "".join(f"H{x(t):.1f}V{y((n + 1) / processes):.1f}" for n, t in enumerate(restarts))
    return area(f"M{x(0):.1f} {y(0):.1f}{steps}H{x(end):.1f}", y(0), GREEN)


def _reads(result: RolloutResult, version: int, place: Place, x: Scale) -> list[str]:
    """A row for each thing that can be read, so that what happened to one key is seen from left to right."""
    given = result.rollout
    y = linear(-0.5, given.keys - 0.5, place[0] + 2, place[1] - 2)
    parts, first = [panel(place, f"reads by version {version} of the code", [])], 0
    for kind, count in (("profiles", given.profiles), ("prices", given.prices)):
        parts.append(f'<path class="grid" d="M{LEFT} {y(first + count - 0.5):.1f}H{right():g}"/>')
        parts.append(f'<text class="s end" x="{LEFT - 6}" y="{y(first + count / 2) + 4:.1f}">{kind}</text>')
        first += count
    return [*parts, *dots((x(r.t), y(r.thing), r.kind) for r in result.reads if r.version == version)]


def _layers(stored: Sequence[tuple[float, Sequence[float]]], x: Scale, y: Scale, end: float) -> list[str]:
    """The three layers on top of one another, sampled once for each pixel or two."""
    samples, at = [], 0
    for px in range(int(LEFT), int(right()) + 1, 2):
        t = (px - LEFT) / (right() - LEFT) * end
        while at + 1 < len(stored) and stored[at + 1][0] <= t:
            at += 1
        if stored and stored[at][0] <= t:
            samples.append((px, stored[at][1]))
    parts, below = [], [y(0.0)] * len(samples)
    for layer, (_, color) in enumerate(LAYERS):
        above = [y(sum(kb[: layer + 1])) for _, kb in samples]
        if any(kb[layer] for _, kb in samples):
            edge = [f"{px} {top:.1f}" for (px, _), top in zip(samples, above, strict=True)]
            base = [f"{px} {bottom:.1f}" for (px, _), bottom in zip(samples, below, strict=True)]
            parts.append(f'<path d="M{"L".join(edge + base[::-1])}z" fill="{color}" fill-opacity=".45"/>')
            parts.append(f'<path d="M{"L".join(edge)}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        below = above
    return parts


def _layer_legend(present: set[int]) -> str:
    parts, at = ['<text class="s" x="12" y="554">stored, from the bottom:</text>'], 166.0
    for layer in sorted(present):
        name, color = LAYERS[layer]
        parts.append(
            f'<rect x="{at:.0f}" y="543" width="14" height="12" fill="{color}" fill-opacity=".45" stroke="{color}"/>'
            f'<text class="s" x="{at + 20:.0f}" y="554">{name}</text>'
        )
        at += 44 + len(name) * 6.1
    return "".join(parts)


def _alt(title: str, result: RolloutResult) -> str:
    said = []
    for version in (1, 2):
        kinds = [read.kind for read in result.reads if read.version == version]
        counts = ", ".join(f"{kinds.count(kind)} {name}" for kind, name in NAMES.items())
        said.append(f"Reads by version {version}: {counts}.")
    most = max((step.bytes for step in result.stored), default=0)
    return f"{title}. {' '.join(said)} At most {most / 1000:.1f} kB of keys and values were stored."
