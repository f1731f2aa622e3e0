"""Mutants of small functions, one by one; a sample of the solutions' mutants, each refused or listed; and controls."""

from __future__ import annotations

import ast

import pytest

from . import __main__ as command
from .judging import LIMIT, Judged, Worker, judged
from .listed import listed, read
from .operators import BEGIN, END, Mutant, mutants
from .report import complaints, table, unmatched
from .solutions import answer, exercises, solution


def made(body: str, operator: str) -> list[str]:
    """What an operator makes of a function's body: the lines that follow its head, joined."""
    source = "async def f(a, b):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    found = [mutant.source for mutant in mutants(source) if mutant.id.startswith(f"{operator}: ")]
    return [" / ".join(line.strip() for line in text.splitlines()[1:]) for text in found]


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        ("compare", "return a < b", ["return a <= b", "return a >= b"]),
        ("compare", "return a is not b", ["return a is b"]),
        ("boolean", "return a and b", ["return a or b", "return b", "return a"]),
        ("negation", "return not a", ["return a"]),
        ("condition", "return 1 if a else b", ["return 1 if True else b", "return 1 if False else b"]),
        ("drop filter", "return [c for c in a if c if b]",
         ["return [c for c in a if b]", "return [c for c in a if c]"]),
        ("constant", "return 1000", [f"return {n}" for n in (1001, 999, 10000, 1)]),
        ("constant", "return 1e6", ["return 10000000.0", "return 100000.0", "return 1"]),
        ("constant", "return True", ["return False"]),
        ("constant", "return b'PX'", ["return b''"]),
        ("drop text", "return f'{a}:{b}'", ["return f':{b}'", "return f'{a}{b}'", "return f'{a}:'"]),
        ("arithmetic", "return a + b", ["return a - b"]),
        ("assign", "a += b", ["a = b"]),
        ("element", "return [a, b]", ["return [b]", "return [a]", "return [b, a]"]),
        ("slice", "return a[b:]", ["return a[:]"]),
        ("call", "return round(a)", ["return int(a)"]),
        ("call", "return sorted(a, key=b)", ["return list(a)"]),
        ("argument", "a(b, 1, nx=b)", ["a(b, 1)", "a(1, nx=b)", "a(b, nx=b)", "a(1, b, nx=b)"]),
        ("pattern", "re.match('[^:]b', a)", [f"re.match('{left}', a)" for left in ("^:]b", "[:]b", "[^:]")]),
        ("await", "await a", ["a"]),
        ("drop statement", "a()\nreturn b", ["pass / return b", "a() / pass"]),
        ("result", "return a", ["return"]),
        ("jump", "while a:\n    break", ["while a: / continue"]),
        ("once", "while a:\n    b()", ["while a: / b() / break"]),
        ("except", "try:\n    a()\nexcept E:\n    b()",
         [f"try: / a() / except {name}: / b()" for name in ("Exception", "BaseException")]),
        ("unprotected", "try:\n    a()\nfinally:\n    b()", ["if True: / a() / b()"]),
    ],
)  # fmt: skip
def test_an_operator_of_python_makes_these(operator: str, body: str, expected: list[str]) -> None:
    assert made(body, operator) == expected


def scripts(line: str, operator: str) -> list[str]:
    """What an operator makes of the first line of a script."""
    script = f"{line}\nredis.call('PING')"
    sources = [mutant.source for mutant in mutants(f"def f():\n    return {script!r}") if operator in mutant.id]
    values = [node.value for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return [str(value).split("\n")[0] for value in values if "\nredis.call('PING')" in str(value)]


@pytest.mark.parametrize(
    ("operator", "line", "expected"),
    [
        ("lua drop line", "return 1", [""]),
        ("lua index", "a(KEYS[2])", ["a(KEYS[3])", "a(KEYS[1])", "a(ARGV[2])"]),
        ("lua compare", "if a <= b then", ["if a < b then", "if a > b then"]),
        ("lua compare", "if a == b then", ["if a ~= b then"]),
        ("lua number", "return a(KEYS[1], 5)", [f"return a(KEYS[1], {n})" for n in (6, 4, 50)]),
        ("lua number", "a / 1000", [f"a / {n}" for n in (1001, 999, 10000, 1)]),
        ("lua boolean", "a and b", ["a or b"]),
        ("lua negation", "not a", ["a"]),
        ("lua default", "a or 0", ["a"]),
        ("lua drop argument", "call('SET', KEYS[1], v, 'NX')",
         ["call('SET', v, 'NX')", "call('SET', KEYS[1], 'NX')", "call('SET', KEYS[1], v)"]),
        ("lua arithmetic", "a - b", ["a + b"]),
        ("lua call", "math.ceil(tonumber(f(a)))", ["math.floor(tonumber(f(a)))", "math.ceil(f(a))"]),
    ],
)  # fmt: skip
def test_an_operator_of_lua_makes_these(operator: str, line: str, expected: list[str]) -> None:
    assert scripts(line, operator) == expected


def test_only_what_the_learner_writes_is_changed() -> None:
    """And the sentences' number formats are not."""
    source = f"def f(a):\n    a += 1\n    {BEGIN}\n    a += 2\n    {END}\n    return f'{{a:.3f}}'"
    assert {mutant.id.partition(":")[2].partition("→")[0].strip() for mutant in mutants(source)} == {"a += 2"}


def test_an_id_survives_edits_elsewhere() -> None:
    """The list is keyed by it."""
    first = {mutant.id for mutant in mutants("def f(a):\n    return a < 1")}
    other = {mutant.id for mutant in mutants("def f(a):\n    # why\n    print(a)\n\n    return (a   <   1)")}
    assert first < other


@pytest.mark.parametrize("exercise", exercises())
def test_ids_are_one_to_one_and_every_mutant_parses(exercise: str) -> None:
    found = mutants(solution(exercise).source)
    assert len({mutant.id for mutant in found}) == len({mutant.source for mutant in found}) == len(found)
    for mutant in found:
        compile(mutant.source, exercise, "exec")


# -- the solutions' mutants -------------------------------------------------------------------------------------------


def test_every_entry_of_the_lists_is_a_mutant() -> None:
    known = [(exercise, mutant.id) for exercise in exercises() for mutant in mutants(solution(exercise).source)]
    assert unmatched(known, read()) == []


def test_a_judge_that_accepts_everything_lets_mutants_survive() -> None:
    """The control: they are what the report complains of."""
    cases = command.sampled("05.1", 5, seed=0)
    results = list(judged(cases, judge=lambda: lambda exercise, source: "passed"))
    assert complaints(results, {}) == [f"05.1: survives: {mutant.id}" for _, mutant in cases]
    assert complaints(list(judged(cases)), {}) == []


def test_a_sample_is_the_same_for_a_seed() -> None:
    assert command.sampled("05.3", 4, seed=1) == command.sampled("05.3", 4, seed=1)
    assert command.sampled("05.3", 4, seed=1) != command.sampled("05.3", 4, seed=2)


# -- workers ----------------------------------------------------------------------------------------------------------

DEAF = """
async def release(redis, key, token):
    while True:
        try:
            while True: pass
        except BaseException: pass
"""


def test_a_mutant_that_no_guard_can_stop_is_killed() -> None:
    """And the worker after it judges as before."""
    worker = Worker()
    try:
        assert worker("04.1", solution("04.1").source) == "passed"
        worker.limit = 3
        assert worker("04.1", DEAF) == "killed"
        worker.limit = LIMIT
        assert worker("04.1", "async def release(redis, key, token): return False") == "failed"
        assert worker("04.1", "release = 1 / 0") == "does not run"
    finally:
        worker.close()


@pytest.mark.parametrize("exercise", exercises())
def test_an_answer_is_made_of_the_source_that_is_given(exercise: str) -> None:
    assert answer(exercise, f"{solution(exercise).name} = 'mine'") == "mine"


# -- lists and report -------------------------------------------------------------------------------------------------

LISTS = """
[[equivalent."05.1"]]
mutants = ["a", "b"]
keeps = "why"
[[holes."05.1"]]
mutants = ["c"]
breaks = "which sentence"
"""


def result(id: str, status: str) -> Judged:
    return Judged("05.1", Mutant(id, ""), status, 1.0)


@pytest.mark.parametrize(
    ("id", "status", "said"),
    [
        ("a", "passed", []),
        ("a", "failed", ["05.1: listed as keeping the contract, and failed: a"]),
        ("c", "passed", []),
        ("c", "error", ["05.1: no hole any more, so take it from the list: c"]),
        ("d", "killed", []),
        ("d", "passed", ["05.1: survives: d"]),
    ],
)
def test_a_complaint_is_made_of(id: str, status: str, said: list[str]) -> None:
    assert complaints([result(id, status)], listed(LISTS)) == said


def test_an_entry_without_a_mutant_is_complained_of() -> None:
    known = [("05.1", "a"), ("05.1", "b")]
    assert unmatched(known, listed(LISTS)) == ["05.1: listed, and there is no such mutant: c"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("keeps", "because"), "`keeps`"),
        (('"why"', '" "'), "`keeps`"),
        (('"c"', '"a"'), "twice"),
        (('["c"]', "[]"), "`breaks`"),
    ],
)
def test_a_list_without_reasons_is_refused(change: tuple[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        listed(LISTS.replace(*change))


def test_the_table_counts_each_mutant_once() -> None:
    results = [result("a", "passed"), result("b", "failed"), result("c", "passed"), result("d", "passed")]
    rows = [line.split() for line in table(results, listed(LISTS)).splitlines()]
    assert rows[1:] == [[name, "4", "1", "1", "1", "1", "4.0"] for name in ("05.1", "all")]


def test_the_command_fails_on_a_survivor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """01.1 asks for no simulation, and is judged in milliseconds."""
    arguments = ["--exercise", "01.1", "--sample", "3", "--seed", "1"]
    assert command.main(arguments) == 0
    monkeypatch.setattr(command, "judged", lambda cases, jobs: judged(cases, judge=lambda: lambda *_: "passed"))
    assert command.main(arguments) == 1
    assert "01.1: survives: " in capsys.readouterr().out
