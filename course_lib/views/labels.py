"""Labels that never cover one another: each takes the free place that crosses the fewest lines, or is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its upper left corner, width and height, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """True if the two share any area."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def inside(self, outer: Box) -> bool:
        """True if `outer` contains all of this."""
        return (
            self.x >= outer.x
            and self.y >= outer.y
            and self.x + self.width <= outer.x + outer.width
            and self.y + self.height <= outer.y + outer.height
        )

    def crossed(self, start: Point, end: Point) -> bool:
        """True if the segment from `start` to `end` passes through. Liang and Barsky's clipping."""
        enter, leave = 0.0, 1.0
        dx, dy = end[0] - start[0], end[1] - start[1]
        for step, low, high, at in (
            (dx, self.x, self.x + self.width, start[0]),
            (dy, self.y, self.y + self.height, start[1]),
        ):
            if step == 0:
                if not low <= at <= high:
                    return False
                continue
            a, b = sorted(((low - at) / step, (high - at) / step))
            enter, leave = max(enter, a), min(leave, b)
        return enter <= leave


@dataclass(slots=True)
class Places:
    """The part of the picture that labels may use, what is taken of it, and the lines that they should not cross."""

    area: Box
    taken: list[Box] = field(default_factory=list)
    lines: list[tuple[Point, Point]] = field(default_factory=list)

    def take(self, box: Box) -> None:
        """Keep labels off this box."""
        self.taken.append(box)

    def put(self, width: float, height: float, corners: Iterable[Point], most_crossed: int = 3) -> Box | None:
        """Take the best of the boxes whose upper left corners are offered, earlier ones first; None if none is free."""
        best: Box | None = None
        least = most_crossed + 1
        for x, y in corners:
            box, apart = Box(x, y, width, height), Box(x - 4, y, width + 8, height)
            if not box.inside(self.area) or any(apart.overlaps(other) for other in self.taken):
                continue
            crossings = sum(box.crossed(a, b) for a, b in self.lines)
            if crossings < least:
                best, least = box, crossings
        if best is not None:
            self.taken.append(best)
        return best
