"""Spelling (American, as Redis's own documentation) and style of all that is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .style import RULES, counts, findings, known
from .texts import ROOT, explained, prose

AS_MEANT = "cancelled,cancelling,acknowledgement,acknowledgements,smove,tung,serialise,artefacts"
"""Right as they stand: Python's word, a common second spelling, what Redis and an author are called, a folder."""

SLIPS = {
    "so-many": "From then on, for so many seconds, it is cut off.",
    "is-no": "A token is no fence.",
    "whoever": "Whoever waits looks again.",
    "one-alone": "Delete that one alone.",
    "may-be": "It may be repeated.",
    "dear": "A mistake is dear.",
    "many-a": "You find it in many a blog.",
    "bare-who": "Look. Who sets it holds the lock.",
    "bare-else": "Look. Else two meet again.",
    "for-as-because": "Nobody frees it, for nobody knows.",
    "simply": "Simply wait.",
    "for-ever": "It waits for ever.",
    "in-earnest": "Do so in earnest.",
    "long": "A word " * 41,
}
FINE = (
    "There is no row. It is no longer held. No more than three. So many that none fits.",
    "Who frees the lock, and whose is it by then? A client who waits is served. For each node, ask once.",
)


def spelling(*options: str) -> list[str]:
    """What codespell says with these options, a line for each word."""
    pytest.importorskip("codespell_lib")
    command = [sys.executable, "-m", "codespell_lib", "-L", AS_MEANT, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def misspelled(texts: dict[str, str], folder: Path) -> list[str]:
    """What codespell finds: common slips of the pen, and British spellings."""
    for place, (file, text) in enumerate(texts.items()):
        (folder / f"{place}.txt").write_text(f"{file}\n{text}", encoding="utf-8")
    told = spelling("--builtin", "clear,rare,en-GB_to_en-US", "--count", str(folder))
    names = list(texts)
    found = [line.removeprefix(f"{folder}/").partition(".txt:") for line in told]
    return [f"{names[int(place)]}: {word.partition(': ')[2]}" for place, _, word in found]


def test_the_prose_is_spelled_as_americans_spell_it(tmp_path: Path) -> None:
    assert misspelled(prose(), tmp_path) == []


def test_a_slip_and_a_british_spelling_are_found(tmp_path: Path) -> None:
    """The control."""
    found = misspelled({"a.md": "It was recieved.", "b.md": "The colour of a node."}, tmp_path)
    assert found == ["a.md: recieved ==> received", "b.md: colour ==> color"]


def british(folder: Path) -> list[str]:
    """British spellings in code: each word of a name counts, and so do comments."""
    american = ["--builtin", "en-GB_to_en-US", "--regex", "[A-Za-z]+"]
    return spelling(*american, *map(str, sorted(folder.rglob("*.py"))))


def test_the_code_is_spelled_as_the_prose() -> None:
    assert british(ROOT / "course_lib") == []


def test_a_british_name_is_found(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "looks.py").write_text("def process_colour() -> None: ...", encoding="utf-8")
    assert british(tmp_path) == [f"{tmp_path / 'looks.py'}:1: colour ==> color"]


def test_no_file_breaks_more_rules_of_style_than_it_did() -> None:
    """The rules and what to write instead: tests/prose/style.py. The counts of known.toml may only shrink."""
    accepted, texts = known(), prose()
    more = [
        f"{file}: {rule} {n} times, {most} accepted; write {RULES.get(rule, ('', 'two sentences'))[1]}"
        for file, rules in counts(findings(texts)).items()
        for rule, n in rules.items()
        if n > (most := accepted.get(file, {}).get(rule, 0))
    ]
    broken = {line.partition(": ")[0] for line in more}
    assert not more, "\n".join([*more, *(f"{f}: {rule}: {s}" for f, rule, s in findings(texts) if f in broken)])
    left = sum(n for rules in accepted.values() for n in rules.values())
    print(f"{left} places are accepted for now")


def test_all_that_explains_code_is_judged(tmp_path: Path) -> None:
    """Not only the first line of a docstring: its second, what stands below a constant, and comments over two lines."""
    source = '"""One.\n\nAt most so\nmany."""\n\nA = 1\n"""It waits for\never."""\n'
    source += "# A token is no\n# fence.\n# -- one\n# Two.\n"
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    text = "\n".join(explained(tmp_path / "a.py"))
    assert [found.rule for found in findings({"a.py": text})] == ["so-many", "for-ever", "is-no"]


@pytest.mark.parametrize("rule", [*RULES, "long"])
def test_each_rule_finds_its_slip_and_nothing_in_plain_sentences(rule: str) -> None:
    assert {one.rule for one in findings({"a.md": SLIPS[rule]})} == {rule}
    assert not [one for text in FINE for one in findings({"a.md": text}) if one.rule == rule]
