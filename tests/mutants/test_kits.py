"""How mutants of a kit are judged: the original, modules that are wrong in each way, and a sample of real mutants."""

from __future__ import annotations

import builtins
import subprocess
import sys
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import pytest

from . import kits, reached
from .reached import TELLS, telling

JUDGED = """
import sys
from tests.mutants import kits
from tests.mutants.operators import Mutant

def told(more: str) -> None:
    print(kits.told(("patterns.typed", Mutant("", f"{original}\\n{more}"))).status)

kits.import_below("patterns")
kits.tests_of = lambda module: (sys.argv[1:2], sys.argv[2:])
kits.ASLEEP = 1_000.0
original = kits.source_of("patterns.typed")
told("")  # notes what each test runs
kits.LONGEST = 2
for more in ("1 / 0", "_built = None", "Miss = None", "while True: pass"):
    told(more)
kits.ASLEEP = 1.0
told("import time\\ntime.sleep(10_000)")
"""

BY_ITS_OWN = """
import sys
from tests.mutants import kits

tests_of = kits.tests_of
kits.tests_of = lambda module: (tests_of(module)[0], [])
sys.exit(kits.main(sys.argv[1:]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=kits.ROOT, capture_output=True, text=True)


def test_what_the_lists_name_is_there() -> None:
    assert kits.misnamed() == []


def test_what_the_lists_name_and_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kits, "ELSEWHERE", {"sim.gone": ("explore/test_gone.py",)})
    monkeypatch.setattr(kits, "excused", lambda: {("sim.wait_until", "no id"): "why", ("sim.went", ""): "why"})
    assert kits.misnamed() == ["sim.gone", "sim.went", "explore/test_gone.py", "sim.wait_until: no id"]


def test_the_original_survives_and_what_is_wrong_does_not(tmp_path: Path) -> None:
    """It fails at its import, in its own tests, in the others; it computes for ever, and it waits for ever."""
    own, other = tmp_path / "test_own.py", tmp_path / "test_other.py"
    head = "from course_lib.patterns.typed import Miss, Typed\ndef test_it():\n    assert "
    own.write_text(f"{head} Typed(int, version=1).decode('v1;7') == 7")
    other.write_text(f"{head} Miss.MISSING.value == 'misses'")
    done = run("-c", JUDGED, str(own), str(other))
    expected = ["survived", "killed", "killed", "killed", "never ended", "never ended"]
    assert (done.stdout.split("\n"), done.stderr) == ([*expected, ""], "")


FUNCTIONS = '''
NUMBER = 1


class A:
    """Not told: it runs at the import."""

    def one(self, n: int = NUMBER) -> str:
        """Stays the docstring."""
        try:
            if n > 1:
                return "many"
            def inner() -> str:
                return "one"
        except KeyError:
            return "none"
        finally:
            n = 0
        return inner()
'''


def test_functions_tell_which_statements_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those after a branch, of a function within a function, and of a finally; the others have a name, too."""
    tree, names = telling("a.b", FUNCTIONS)
    ran = set[str]()
    monkeypatch.setattr(builtins, TELLS, ran.add, raising=False)
    defined: dict[str, Any] = {}
    exec(compile(tree, "<a.b>", "exec"), defined)
    assert ran == set()
    code = defined["A"].one.__code__
    assert {line for *_, line in code.co_lines()} - {None} <= set(range(code.co_firstlineno, 22))
    assert (defined["A"]().one(), defined["A"].one.__doc__) == ("one", "Stays the docstring.")
    lines = {name.partition(":")[2] for name in names}
    assert {name.partition(":")[2] for name in ran} == {"10", "11", "13", "14", "18", "19"}
    assert lines == {"10", "11", "12", "13", "14", "16", "18", "19"}


def test_a_module_that_tells_can_be_read_as_it_stands_in_its_file() -> None:
    """What shows a learner a function's text finds the right lines."""
    path = kits.ROOT / "course_lib/patterns/typed.py"
    tree, _ = telling("patterns.typed", path.read_text())
    assert reached.Replaced({"patterns.typed": tree}.get).get_source("course_lib.patterns.typed") == path.read_text()


def test_a_replaced_module_has_the_place_of_its_file() -> None:
    """By it the simulation tells the library's code from a learner's."""
    place = str(kits.ROOT / "course_lib/patterns/typed.py")
    spec = reached.Replaced({"patterns.typed": "def one(): pass"}.get).find_spec("course_lib.patterns.typed", None)
    spec.loader.exec_module(module := module_from_spec(spec))
    assert (module.__file__, module.one.__code__.co_filename) == (place, place)


def test_what_a_test_runs_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no mutant can be judged by a test that the original does not pass."""
    monkeypatch.setattr(reached, "CACHE", tmp_path / "noted")
    (file := tmp_path / "test_file.py").write_text("def test_it(): pass")

    def run(sources: Any, files: list[str], plugins: list[reached.Watches]) -> int:
        plugins[0].tests = [reached.Test("it", 1.0, frozenset({"patterns.typed:3"}))]
        return 0

    noted = [reached.tests_in(str(file), "patterns", lambda name: None, run) for _ in range(2)]
    assert noted == [[reached.Test("it", 1.0, frozenset({"patterns.typed:3"}))]] * 2
    file.write_text("def test_it(): assert False")
    with pytest.raises(RuntimeError, match=r"test_file.py: the original does not pass it \(1\)"):
        reached.tests_in(str(file), "patterns", lambda name: None, lambda *them: 1)


def test_tests_tell_mutants_from_the_original() -> None:
    """Three of one module here, by its own tests; all of them, and by all tests, where the command is run."""
    sample = ("--module", "patterns.outbox", "--sample", "3", "--seed", "1")
    done = run("-c", BY_ITS_OWN, "patterns", *sample)
    assert (done.returncode, "100.0% of 3 told from the original" in done.stdout) == (0, True), done.stdout
