"""Wrong answers to 02.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

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


def refuses_zero(*parts: Part) -> str:
    for part in parts:
        if not part or re.search(r"[:{}\s]", str(part)):
            raise ValueError(f"the part {part!r} could be misread")
    return named(*parts)


def names_nothing(*parts: Part) -> str:
    if any(misread(str(part)) for part in parts):
        raise ValueError("a part is empty, or has a colon, a brace or white space in it")
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
    ("refuses-zero", refuses_zero),
    ("names-nothing", names_nothing),
]


def changed(change: Callable[[str], str]) -> Name:
    """It refuses what it should, and changes what it takes."""

    def profile_key(*parts: Part) -> str:
        refusing(misread)(*parts)
        return named(*(change(str(part)) for part in parts))

    return profile_key


def names_the_first(*parts: Part) -> str:
    try:
        return refusing(misread)(*parts)
    except ValueError:
        raise ValueError(f"the part {parts[0]!r} could be misread") from None


def raising(error: type[Exception]) -> Name:
    def profile_key(*parts: Part) -> str:
        try:
            return refusing(misread)(*parts)
        except ValueError as refusal:
            raise error(str(refusal)) from None

    return profile_key


def escapes(*parts: Part) -> str:
    return named(*(quote(str(part), safe="@ë") for part in parts))


def remembering() -> Name:
    """It refuses a name once: it keeps the key before it looks at the parts."""
    known: dict[tuple[Part, ...], str] = {}

    def profile_key(*parts: Part) -> str:
        if parts not in known:
            known[parts] = named(*parts)
            refusing(misread)(*parts)
        return known[parts]

    return profile_key


def at_most(most: int) -> Name:
    def profile_key(*parts: Part) -> str:
        if len(parts) > most:
            raise ValueError(f"too many parts: {parts}")
        return refusing(misread)(*parts)

    return profile_key


SUBTLE = [
    ("refuses it the first time", "refused", remembering()),
    ("at most four parts", "plain", at_most(4)),
    ("at most 64 letters", "plain", refusing(lambda part: misread(part) or len(part) > 64), "too-strict"),
    ("small letters", "plain", changed(str.lower)),
    ("one form of an accent", "distinct", changed(lambda part: unicodedata.normalize("NFC", part))),
    ("at most 40 letters", "distinct", changed(lambda part: part[:40])),
    ("numbers without zeros", "distinct", changed(lambda part: part.lstrip("0") or "0")),
    ("escapes", "refused", escapes, "replaces"),
    ("looks at two parts", "refused", refusing(misread, most=2)),
    (
        "a closing brace alone",
        "refused",
        refusing(lambda part: re.search(r"[:}\s]", part) or not part),
        "forgets-braces",
    ),
    (
        "an opening brace alone",
        "refused",
        refusing(lambda part: re.search(r"[:{\s]", part) or not part),
        "forgets-braces",
    ),
    (
        "blanks and tabs alone",
        "refused",
        refusing(lambda part: re.search(r"[:{} \t]", part) or not part),
        "forgets-space",
    ),
    ("strips what surrounds it", "refused", refusing(lambda part: misread(part.strip())), "forgets-space"),
    ("the colon inside", "refused", refusing(lambda part: misread(part.strip(":")))),
    ("names the first part", "refused", names_the_first),
    ("ASCII alone", "plain", refusing(lambda part: misread(part) or not part.isascii()), "too-strict"),
    ("whole numbers from 1", "plain", refusing(lambda part: misread(part) or part.startswith("-")), "too-strict"),
    ("KeyError", "refused", raising(KeyError)),
    ("a version of its own", "plain", lambda *parts: refusing(misread)(*parts).replace(":v2", ":v3")),
]
