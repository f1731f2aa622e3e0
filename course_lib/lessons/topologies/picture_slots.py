"""The 16,384 slots of a cluster as rows, one for each owner, with keys at the slots that their names give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.views.axes import Scale, framed, linear, right
from course_lib.views.labels import Box, Places
from course_lib.views.palette import BLUE, GRAY, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION
from course_lib.views.picture import Picture, escape
from course_lib.views.room import fluid

SLOTS = 16384
COLORS = (BLUE, GREEN, PURPLE, SKY, VERMILLION, GRAY)
START, ROW, TOP = 96.0, 50.0, 46.0  # pixels
LETTER = 7.7

Owners = Mapping[str, Sequence[Sequence[int]]]
"""For each primary its ranges of slots, both ends included."""


@fluid
def slots(owners: Owners, keys: Mapping[str, int] | None = None, *, before: Owners | None = None) -> Picture:
    """Draw who owns which slots. `keys` maps names to slots; `before` is an earlier map, drawn as outlines.

    The title counts the owners, or the slots that have changed hands.
    """
    names = list(dict.fromkeys([*(before or ()), *owners]))
    x, keys = linear(0, SLOTS, START, right()), dict(keys or {})
    bottom = TOP + ROW * len(names)
    title = _title(owners, before)
    parts = []
    places = Places(Box(START, TOP - 18, right() - START + 8, ROW * len(names) + 18))
    for n, name in enumerate(names):
        y = TOP + ROW * n
        parts.append(f'<text class="b end" x="{START - 10}" y="{y + 20:.0f}">{escape(name)}</text>')
        parts.append(f'<path class="grid" d="M{START} {y + 16:.0f}H{right():g}"/>')
        parts += [_outline(one, x, y) for one in (before or {}).get(name, ())]
        parts += [_block(one, x, y, COLORS[n % len(COLORS)], places) for one in owners.get(name, ())]
    rows = {slot: n for slot in keys.values() for n, name in enumerate(names) if _owns(owners.get(name, ()), slot)}
    places.lines += [((x(slot), TOP + ROW * n + 2), (x(slot), TOP + ROW * n + 30)) for slot, n in rows.items()]
    for key, slot in sorted(keys.items(), key=lambda one: one[1]):
        if slot in rows:
            parts.append(_key(key, slot, x, TOP + ROW * rows[slot], places))
    parts.append(_axis(x, bottom + 6))
    return framed(title, parts, height=bottom + 52, alt=f"{title}. {_said(owners)}{_placed(owners, keys)}")


def _title(owners: Owners, before: Owners | None) -> str:
    if before is None:
        owned = sum(high - low + 1 for ranges in owners.values() for low, high in ranges)
        count = sum(bool(ranges) for ranges in owners.values())
        return f"{count} primaries own {owned:,} of {SLOTS:,} slots"
    others = [(a, b) for one in before for two in owners if two != one for a in before[one] for b in owners[two]]
    moved = sum(_overlap(a, b) for a, b in others)
    return f"{moved:,} of {SLOTS:,} slots have changed hands"


def _overlap(a: Sequence[int], b: Sequence[int]) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]) + 1)


def _owns(ranges: Sequence[Sequence[int]], slot: int) -> bool:
    return any(low <= slot <= high for low, high in ranges)


def _block(one: Sequence[int], x: Scale, y: float, color: str, places: Places) -> str:
    """A range, and its ends in figures where there is room."""
    width = max(x(one[1] + 1) - x(one[0]), 1.5)
    words = f"{one[0]}–{one[1]}"
    box = places.put(len(words) * LETTER, 12, [(x(one[0]) + 3, y + 33)])
    label = f'<text class="s note" x="{box.x:.1f}" y="{box.y + 11:.1f}">{words}</text>' if box else ""
    return (
        f'<rect x="{x(one[0]):.1f}" y="{y + 4:.0f}" width="{width:.1f}" height="24" fill="{color}" '
        f'fill-opacity=".4" stroke="{color}" stroke-width="1.6"><title>{words}</title></rect>{label}'
    )


def _outline(one: Sequence[int], x: Scale, y: float) -> str:
    return (
        f'<rect x="{x(one[0]):.1f}" y="{y + 1:.0f}" width="{max(x(one[1] + 1) - x(one[0]), 1.5):.1f}" height="29" '
        f'fill="none" stroke="{INK}" stroke-dasharray="4 4"/>'
    )


def _key(key: str, slot: int, x: Scale, y: float, places: Places) -> str:
    """A pin at the slot, and the key's name where there is room; the rest is left to the words."""
    pin = f'<path d="M{x(slot):.1f} {y + 2:.0f}v28" stroke="{INK}" stroke-width="1.6"/><circle cx="{x(slot):.1f}" '
    pin += f'cy="{y + 1:.0f}" r="3.2" fill="{ORANGE}" stroke="{INK}"><title>{escape(key)}: slot {slot}</title></circle>'
    width = len(key) * LETTER
    box = places.put(width, 14, [(x(slot) + 5, y + 8), (x(slot) - width - 5, y + 8), (x(slot) + 5, y - 17)])
    return pin + (f'<text class="s note" x="{box.x:.1f}" y="{box.y + 12:.1f}">{escape(key)}</text>' if box else "")


def _axis(x: Scale, y: float) -> str:
    numbers = "".join(
        f'<text class="s {"end" if slot == SLOTS else "mid"}" x="{x(slot):.0f}" y="{y + 18:.0f}">{slot:,}</text>'
        for slot in range(0, SLOTS + 1, 4096)
    )
    return (
        f'<path class="axis" d="M{START} {y:.0f}H{right():g}"/>{numbers}'
        f'<text class="s end" x="{right():g}" y="{y + 36:.0f}">slot = CRC16 of the key, modulo 16,384</text>'
    )


def _said(owners: Owners) -> str:
    said = []
    for name, ranges in owners.items():
        words = ", ".join(f"{low} to {high}" if high > low else str(low) for low, high in ranges)
        said.append(f"{name} owns {words or 'none'}.")
    return " ".join(said)


def _placed(owners: Owners, keys: Mapping[str, int]) -> str:
    whose = {key: next((n for n, r in owners.items() if _owns(r, slot)), "nobody") for key, slot in keys.items()}
    return "".join(f" {key} has slot {slot}, {whose[key]}'s." for key, slot in keys.items())
