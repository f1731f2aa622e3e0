"""Wrong answers to 02.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import re
from collections.abc import Callable

Part = str | int
Name = Callable[..., str]


def named(*parts: Part) -> str:
    return ":".join(["app", "user", "profile", "v2", *map(str, parts)])


def refusing(bad: Callable[[str], object], *, most: int | None = None) -> Name:
    """The exercise's function, that refuses each part (or only the first `most`) of which `bad` says so."""

    def profile_key(*parts: Part) -> str:
        for part in parts[:most]:
            if bad(str(part)):
                raise ValueError(f"the part {part!r} could be misread")
        return named(*parts)

    return profile_key


def misread(part: str) -> bool:
    return re.fullmatch(r"[^:{}\s]+", part) is None


def replaces(*parts: Part) -> str:
    return named(*(re.sub(r"[:{}\s]", "_", str(part)) or "_" for part in parts))


def asserts(*parts: Part) -> str:
    for part in parts:
        assert not misread(str(part)), part
    return named(*parts)


def int_parts(*parts: str) -> str:
    for part in parts:
        if not re.fullmatch(r"[^:{}\s]+", part):
            raise ValueError(part)
    return named(*parts)


WRONG = [
    ("no-check", named),
    ("only-first", refusing(misread, most=1)),
    ("replaces", replaces),
    ("asserts", asserts),
    ("int-parts", int_parts),
    ("too-strict", refusing(lambda part: not part.isalnum())),
    ("too-strict", refusing(lambda part: re.fullmatch(r"[A-Za-z0-9._@-]+", part) is None)),
    ("forgets-empty", refusing(lambda part: re.search(r"[:{}\s]", part))),
    ("forgets-space", refusing(lambda part: not part or set(part) & set(":{}"))),
    ("forgets-space", refusing(lambda part: not re.match(r"[^:{} \t]+$", part))),
    ("forgets-braces", refusing(lambda part: not part or re.search(r"[:\s]", part))),
]
