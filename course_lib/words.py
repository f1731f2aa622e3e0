"""Numbers and lists as a sentence says them. Every part may import this; it imports nothing of the course."""

from __future__ import annotations

import re
from collections.abc import Sequence


def ms(seconds: float, unit: bool = True) -> str:
    """Seconds as milliseconds with as many digits as help: `0.42 ms`, `41 ms`, `1,250 ms`."""
    value = round(seconds * 1000, 6) + 0.0  # + 0.0 turns minus zero into zero
    digits = 0 if abs(value) >= 200 else 1 if abs(value) >= 20 else 2
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} ms" if unit else text


def span(seconds: float) -> str:
    """As `ms`; from ten minutes on in seconds, where nobody reads milliseconds: `86,400 s`."""
    return ms(seconds) if seconds < 600 else f"{seconds:,.0f} s"


def printable(text: str) -> str:
    """A text that any file can hold and that shows what it says: half of a surrogate pair, a control character, or one
    that turns the direction of the text after it stands there as an escape, such as `\\x1b`."""
    return _HIDES.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


_HIDES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def counted(number: int, one: str, more: str = "") -> str:
    """`1 load`, `1,000 loads`; `more` is the plural where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`; nothing for no words."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def either(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return listed(words, "or")


def capital(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def shorten(text: str, most: int) -> str:
    """At most `most` characters; the last one is an ellipsis where something was left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
