"""Does a text answer a question before it is asked? Judged by the numbers and words that only the answer has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

NAMED = {
    **{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
    **{"both": 2, "twice": 2, "hundred": 100, "thousand": 1000},
}
NEEDS = 2 / 3
"""The share of the answer's own words, at least three of them, that one sentence must have to give it away."""

EMPTY = set(
    """
    about above after again against all also and any are because been before being below between but can cannot come
    comes could did does done down during each either else even every few find finds for from gets had has have here
    how into its just know knows less like many more most much must nearly never not now off once one only other
    others over own same see should some such than that the their them then there they this those though through time
    times too under until was were what when where which while who whose why will with within would you your yes
    none nothing two three both
    """.split()  # noqa: SIM905
)


def leaks(before: str, asks: str, answer: str | float, *, others: Sequence[str] = (), unit: str = "") -> list[str]:
    """The sentences of `before` that say the answer to what is asked.

    A number that the question or another option has as well counts only beside the question's unit.
    """
    text = f"{answer:g}" if isinstance(answer, float) else answer
    shared = " ".join([asks, *others])
    numbers, known = set(_numbers(text)) - {0, 1}, set(_numbers(shared))
    own = set(_stems(text)) - set(_stems(shared))
    about = set(_stems(unit)) | ({"times"} if unit else set())
    found = []
    for sentence in _sentences(before):
        counts = set(_numbers(sentence))
        stems = set(_stems(sentence)) | set(re.findall(r"\btimes\b", sentence.lower()))
        by_number = numbers & counts and (numbers & counts - known or about & stems)
        by_words = len(own & stems) >= max(3, NEEDS * len(own))
        if by_number or by_words:
            found.append(sentence)
    return found


def _sentences(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n|\n(?=#|\d+\. |- )", text):
        yield from filter(None, re.split(r"(?<=[.?!:]) +", " ".join(paragraph.split())))


def _numbers(text: str) -> Iterator[float]:
    text = re.sub(r"\b[Ll]essons? \d\d(?:(?:,| and| to) \d\d)*", "", text)
    for digits in re.findall(r"\d[\d,]*(?:\.\d+)?", text):
        yield float(digits.replace(",", ""))
    yield from (NAMED[word] for word in re.findall(r"[a-z]+", text.lower()) if word in NAMED)


def _stems(text: str) -> Iterator[str]:
    for word in re.findall(r"[a-z]{3,}", text.lower()):
        if word not in EMPTY:
            yield re.sub(r"(?:ies|es|s|ed|ing|e)$", "", word) if len(word) > 4 else word
