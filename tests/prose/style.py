"""The house's style as rules: turns of phrase that have to be read twice, each with what a native speaker would say.

`python -m tests.prose.style` prints what it finds; with `--lower` it writes the counts of known.toml anew where they
have shrunk.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .texts import prose

KNOWN = Path(__file__).with_name("known.toml")
"""How often a file still breaks a rule: these numbers may only shrink."""

LONG = 40
"""Words; a longer sentence has more than one idea in it."""

RULES: dict[str, tuple[str, str]] = {
    # name: what is found, what to write
    "so-many": (r"\bso many\b(?! that)", "the number, or “as many”"),
    "is-no": (r"(?<!\b[Tt]here )\b(?:is|are|was|were) no (?!more\b|less\b|different|worse|\w+er\b)\w+", "is not a"),
    "whoever": (r"\b[Ww]ho(?:m|so)?ever\b", "name them: the client that"),
    "one-alone": (r"\b(?:that|this) one alone\b", "only that one"),
    "may-be": (r"\bmay be\b", "can be, is perhaps, might be"),
    "dear": (r"\b(?:is|are|so|too) dear\b|\bdearer\b", "expensive"),
    "many-a": (r"\bmany an? \w+", "many … s"),
    "bare-who": (
        r"(?:^|(?<=[.!?:;] ))(?:\*\*\w+\.\*\* )?Who (?![^.!?]*\?)\w+",
        "The client that …; or Whoever …, named",
    ),
    "bare-else": (r"(?:^|(?<=[.!?;] ))Else\b", "Otherwise"),
    "for-as-because": (r", for (?:it|they|he|she|we|you|nobody|there|neither) ", "because"),
    "simply": (r"\b[Ss]imply\b|\b[Oo]f course\b|\b[Oo]bviously\b", "leave it out"),
    "for-ever": (r"\bfor ever\b", "forever"),
    "in-earnest": (r"\bin earnest\b", "in your own code"),
}


class Finding(NamedTuple):
    """A place where a rule is broken."""

    file: str
    rule: str
    sentence: str


def findings(texts: dict[str, str]) -> Iterator[Finding]:
    """Every place in the prose, by file, at which a rule is broken."""
    for file, text in texts.items():
        for sentence in sentences(text):
            for rule, (pattern, _) in RULES.items():
                if rule == "bare-who" and file.endswith(".py"):
                    continue  # "Who worked when." says what a name stands for
                for _ in re.findall(pattern, sentence):
                    yield Finding(file, rule, sentence)
            if len(re.findall(r"\w[\w'’-]*", sentence)) > LONG:
                yield Finding(file, "long", sentence)


def sentences(text: str) -> Iterator[str]:
    """A text's sentences, each in one line; a table's cells and a list's entries stand alone."""
    for block in re.split(r"\n\s*\n|\n(?= *(?:[-*#>|]|\d+\.) ?)|\|", text):
        yield from re.split(r"(?:(?<=[.!?])|(?<=[.!?]”)|(?<=[.!?]\))) +(?=[A-Zx*“(])", " ".join(block.split()))


def counts(found: Iterator[Finding]) -> dict[str, dict[str, int]]:
    """How often each file breaks each rule."""
    table: dict[str, dict[str, int]] = {}
    for one in found:
        rules = table.setdefault(one.file, {})
        rules[one.rule] = rules.get(one.rule, 0) + 1
    return table


def known() -> dict[str, dict[str, int]]:
    """The counts that are accepted for now."""
    return tomllib.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}


def lower(table: dict[str, dict[str, int]]) -> None:
    """Write known.toml anew: no count is larger than it was."""
    before, lines = known(), []
    for file, rules in sorted(table.items()):
        most = before.get(file, {}) if before else rules
        kept = [f"{rule} = {min(n, most.get(rule, 0))}" for rule, n in sorted(rules.items()) if most.get(rule)]
        lines += [f'["{file}"]', *kept, ""] if kept else []
    KNOWN.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    import sys

    if "--lower" in sys.argv:
        lower(counts(findings(prose())))
    else:
        only = sys.argv[1:]
        for file, rule, sentence in findings(prose()):
            if not only or any(part in file for part in only):
                print(f"{file}: {rule}: {sentence}")
