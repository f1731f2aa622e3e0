"""A prediction beside what happened, in one sentence: no list of right answers, what happened rules some out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from course_lib.words import listed

Allows = Callable[[Any], bool]


GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,\u202f ])\d{3})(?:\1\d{3})*(?:\.\d+)?")


def number_of(text: str, unit: str = "") -> float:
    """The number that someone typed: `1,000`, `1 000`, `2.5e3`, with or without the unit. Raises: ValueError, as for
    `64,0`, which some people read as 64."""
    plain = text.strip().removesuffix(unit).strip().replace("−", "-") if unit else text.strip().replace("−", "-")
    value = float(re.sub("[,\u202f ]", "", plain) if GROUPED.fullmatch(plain) else plain)
    if not math.isfinite(value) or "_" in plain:
        raise ValueError(text)
    return value


def objection(text: str, unit: str, low: float | None, high: float | None) -> str:
    """Why the text cannot be an answer, as a sentence; empty when it can."""
    try:
        value = number_of(text, unit)
    except ValueError:
        if re.fullmatch(r"[^,]*\d,\d[^,]*", text):
            return f"“{text.strip()}” could mean two numbers: write a point before decimals, for example 0.5."
        return f"“{text.strip()}” is not a number: write digits, for example 12 or 0.5."
    if low is not None and value < low:
        return f"{shown(value)} is too small: the number is at least {shown(low)}."
    if high is not None and value > high:
        return f"{shown(value)} is too large: the number is at most {shown(high)}."
    return ""


def on_number(answer: float, happened: float, unit: str) -> str:
    """Difference and ratio: You said 12 loads; it was 17 loads, 5 more than you said and 1.42 times your number."""
    said, was = measured(answer, unit), measured(happened, unit)
    if answer == happened:
        return f"You said {said}, and it was {was}: exactly your number."
    gap = shown(abs(happened - answer))
    direction = "more" if happened > answer else "less"
    times = f" and {shown(happened / answer)} times your number" if answer > 0 and happened > 0 else ""
    return f"You said {said}; it was {was}, {gap} {direction} than you said{times}."


def fate_of_number(answer: float, happened: float) -> str:
    """In two words, before any sentence: is it the number, or near it?"""
    if answer == happened:
        return "✓ Right"
    return "≈ Close" if abs(happened - answer) <= 0.1 * abs(happened) else "✗ Not so"


def fate_of_choice(answer: str, happened: Any, choices: Mapping[str, Allows]) -> str:
    """In two words, before any sentence: did what happened leave this choice?"""
    return "✓ Right" if choices[answer](happened) else "✗ Not so"


def on_choice(answer: str, happened: Any, choices: Mapping[str, Allows], unit: str = "") -> str:
    """For instance: You said “a few”, which is ruled out. What happened (9 loads) rules out … and leaves “all”."""
    left = [choice for choice, allows in choices.items() if allows(happened)]
    out = [choice for choice in choices if choice not in left]
    fate = "still stands" if answer in left else "is ruled out"
    is_number = isinstance(happened, (int, float)) and not isinstance(happened, bool)
    result = f" ({measured(happened, unit)})" if is_number else ""
    ruled = f"rules out {_quoted(out)}" if out else "rules nothing out"
    stays = f", and leaves {_quoted(left)}" if left and out else "" if left else ": none of the choices foresaw it"
    return f"You said “{answer}”, which {fate}. What happened{result} {ruled}{stays}."


def equal_to(choice: str) -> Allows:
    """The condition of a choice that has none of its own: the outcome is its name."""
    return lambda outcome: str(outcome) == choice


def shown(value: float) -> str:
    """Three significant digits, thousands apart; a whole number in full."""
    if float(value).is_integer():
        return f"{int(value):,}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"


def measured(value: float, unit: str) -> str:
    """A number with its unit, which is in the singular after a 1."""
    if math.isinf(value):
        return "no end"
    singular = unit.removesuffix("s") if value == 1 and len(unit) > 3 else unit
    return f"{shown(value)} {singular}".rstrip()


def _quoted(choices: list[str]) -> str:
    return listed([f"“{choice}”" for choice in choices])
