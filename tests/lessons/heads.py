"""The pictures at the head of the lessons, each from a run of the lesson's own experiment, drawn by the course's views.

`python tests/lessons/heads.py` writes them all to notebooks/images, and prints the line that shows each in its lesson.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from redis.asyncio import Redis

from course_lib.views.picture import Picture
from course_lib.views.spacetime import spacetime
from course_lib.worlds import Simulated, run_or_raise

IMAGES = Path(__file__).resolve().parents[2] / "notebooks" / "images"


def lost_update() -> Picture:
    """03: two customers redeem at the same moment, as the lesson's first code does it; then Theo reads the counter."""
    world = Simulated(1)

    async def redeem(redis: Redis) -> None:
        used = int(await redis.get("used") or 0)
        await redis.set("used", used + 1)

    for name in ("ann", "bob"):
        world.client(name, redeem, world.redis())
    redeemed = " and ".join(name.capitalize() for name in run_or_raise(world))
    world.client("theo", world.redis().get, "used")
    counted = int(run_or_raise(world)["theo"])
    return spacetime(world.trace, title=f"{redeemed} redeem the voucher, and the counter says {counted}")


HEADS: dict[str, Callable[[], Picture]] = {"03": lost_update}


def stored(number: str) -> Path:
    return IMAGES / f"head-{number}.svg"


def as_file(picture: Picture) -> str:
    """On white, for a file knows nothing of the page's theme; the name that scopes its styles is the same each time."""
    found = re.search(r'class="(\w+)', picture.svg)
    assert found is not None
    white = "<style>:root{background:#fff}</style></svg>"
    return picture.svg.replace(found[1], "head").removesuffix("</svg>") + white + "\n"


def line(number: str, picture: Picture) -> str:
    """How the lesson's first cell shows it."""
    return f"![{picture.alt}](images/{stored(number).name})"


if __name__ == "__main__":
    for lesson, draw in HEADS.items():
        drawn = draw()
        stored(lesson).write_text(as_file(drawn), encoding="utf-8")
        print(line(lesson, drawn))
