"""A rolling deploy: who runs which version, every read by each version's code, and what the cache holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_lib.views.axes import LEFT, RIGHT, Place, Scale, dots, framed, legend, linear, panel, ticks, time_axis
from course_lib.views.palette import GREEN, GREY, SKY
from course_lib.views.picture import Picture, escape

SHARE, OLD, NEW, MEMORY = (58.0, 86.0), (122.0, 218.0), (254.0, 350.0), (386.0, 476.0)
LAYERS = (("both versions can read it", GREY), ("version 1 alone", SKY), ("version 2 alone", GREEN))


@dataclass(frozen=True, slots=True)
class Shown:
    """One read as it is drawn: when, what became of it, which version's code, and which thing it read."""

    t: float
    kind: str
    version: int
    thing: int


def rollout(
    reads: Sequence[Shown],
    restarts: Sequence[float],
    stored: Sequence[tuple[float, float, float, float]],
    *,
    title: str,
    processes: int,
    things: Mapping[str, int],
    begins: float,
    end: float,
    most: float,
) -> Picture:
    """Draw a run. `stored` says from when on how many kB both versions, version 1 alone, version 2 alone can read.
    `things` says how many there are of each kind; they are numbered in that order, from 0.

    Units: seconds; `most` kB is the top of the last axis, so that rivals share it; what is larger stretches it.
    """
    x = linear(0.0, end, LEFT, RIGHT)
    most = max([most, *(sum(step[1:]) for step in stored)])
    y_share, y_kb = linear(0.0, 1.0, SHARE[1], SHARE[0]), linear(0.0, most, MEMORY[1], MEMORY[0])
    parts = [
        panel(SHARE, "share of version 2", [("0", y_share(0)), ("1", y_share(1))]),
        _stairs(restarts, processes, x, y_share, end),
        *_reads([read for read in reads if read.version == 1], OLD, "reads by version 1 of the code", x, things),
        *_reads([read for read in reads if read.version == 2], NEW, "reads by version 2 of the code", x, things),
        panel(MEMORY, "stored keys and values (kB)", [(n, y_kb(n)) for n in ticks(most)]),
        *_layers(stored, x, y_kb, end),
        "".join(
            f'<path class="limit" d="M{x(begins):.0f} {top}V{bottom}"/>' for top, bottom in (SHARE, OLD, NEW, MEMORY)
        ),
        f'<text class="s note end" x="{x(begins) - 6:.0f}" y="{SHARE[1] - 8}">deploy begins</text>',
        time_axis(x, end, MEMORY[1], "seconds (virtual time)"),
        legend({read.kind for read in reads}, 532),
        _layer_legend({layer for step in stored for layer in range(3) if step[layer + 1]}),
    ]
    return framed(title, parts, height=562, alt=_alt(title, reads, stored))


def _stairs(restarts: Sequence[float], processes: int, x: Scale, y: Scale, end: float) -> str:
    steps = "".join(f"H{x(t):.1f}V{y((n + 1) / processes):.1f}" for n, t in enumerate(restarts))
    path = f"M{x(0):.1f} {y(0):.1f}{steps}H{x(end):.1f}"
    return (
        f'<path d="{path}V{y(0):.1f}z" fill="{GREEN}" fill-opacity=".35"/>'
        f'<path d="{path}" fill="none" stroke="{GREEN}" stroke-width="1.6"/>'
    )


def _reads(reads: Sequence[Shown], place: Place, name: str, x: Scale, things: Mapping[str, int]) -> list[str]:
    """A row for each thing that can be read, so that what befell one key is seen from left to right."""
    y = linear(-0.5, sum(things.values()) - 0.5, place[0] + 2, place[1] - 2)
    parts, first = [panel(place, name, [])], 0
    for kind, count in things.items():
        parts.append(f'<path class="grid" d="M{LEFT} {y(first + count - 0.5):.1f}H{RIGHT}"/>')
        parts.append(f'<text class="s end" x="{LEFT - 6}" y="{y(first + count / 2) + 4:.1f}">{escape(kind)}</text>')
        first += count
    return [*parts, *dots((x(read.t), y(read.thing), read.kind) for read in reads)]


def _layers(stored: Sequence[tuple[float, float, float, float]], x: Scale, y: Scale, end: float) -> list[str]:
    """The three layers on top of one another, sampled once for each pixel or two."""
    samples, at = [], 0
    for px in range(int(LEFT), int(RIGHT) + 1, 2):
        t = (px - LEFT) / (RIGHT - LEFT) * end
        while at + 1 < len(stored) and stored[at + 1][0] <= t:
            at += 1
        if stored and stored[at][0] <= t:
            samples.append((px, stored[at][1:]))
    parts, below = [], [y(0.0)] * len(samples)
    for layer, (_, colour) in enumerate(LAYERS):
        above = [y(sum(kb[: layer + 1])) for _, kb in samples]
        if any(kb[layer] for _, kb in samples):
            edge = [f"{px} {top:.1f}" for (px, _), top in zip(samples, above, strict=True)]
            base = [f"{px} {bottom:.1f}" for (px, _), bottom in zip(samples, below, strict=True)]
            parts.append(f'<path d="M{"L".join(edge + base[::-1])}z" fill="{colour}" fill-opacity=".45"/>')
            parts.append(f'<path d="M{"L".join(edge)}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        below = above
    return parts


def _layer_legend(present: set[int]) -> str:
    parts, at = ['<text class="s" x="12" y="554">stored, from the bottom:</text>'], 166.0
    for layer in sorted(present):
        name, colour = LAYERS[layer]
        parts.append(
            f'<rect x="{at:.0f}" y="543" width="14" height="12" fill="{colour}" fill-opacity=".45" stroke="{colour}"/>'
            f'<text class="s" x="{at + 20:.0f}" y="554">{name}</text>'
        )
        at += 44 + len(name) * 6.1
    return "".join(parts)


NAMES = {"hit": "served from the cache", "stale": "stale", "load": "misses that loaded", "error": "crashes"}


def _alt(title: str, reads: Sequence[Shown], stored: Sequence[tuple[float, float, float, float]]) -> str:
    said = []
    for version in (1, 2):
        counts = {name: sum(r.kind == kind and r.version == version for r in reads) for kind, name in NAMES.items()}
        said.append(f"Reads by version {version}: " + ", ".join(f"{n} {name}" for name, n in counts.items()) + ".")
    most = max((sum(step[1:]) for step in stored), default=0.0)
    return f"{title}. {' '.join(said)} At most {most:.1f} kB of keys and values were stored."
