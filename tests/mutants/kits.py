"""Mutants of a kit's modules, judged by the kit's own tests: `python -m tests.mutants.kits patterns`.

Each mutant is judged in a process of its own, forked from one that has imported what no mutant changes. It runs the
tests that run the changed statement, the fastest first, without real servers, and ends at the first that fails.
survivors.toml lists mutants that no test can tell from the original, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import os
import random
import re
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tqdm import tqdm

from course_lib.servers import find_all

from .operators import Mutant, mutants
from .reached import Replaced, Test, forked, telling, tests_in
from .solutions import ROOT

KITS = {"patterns": 0.97, "sim": 0.90, "explore": 0.90}
"""How many of a kit's mutants its tests must tell from the original."""
ELSEWHERE = {
    "sim.turns": ("explore/test_struck.py", "explore/test_game.py", "explore/test_exhaustive.py"),
    "sim.random_streams": ("explore/test_randomness.py",),
    "sim.network": ("explore/test_transactions.py", "explore/test_struck.py"),
    "sim.redis_client": ("explore/test_transactions.py",),
    "sim.cluster": ("lessons/topologies/test_exercises.py",),
    "sim.sentinels": ("lessons/topologies/test_exercises.py",),
}
"""Tests of another kit, which have what the module is for."""
BELOW = {"patterns": ("sim", "servers", "worlds"), "sim": (), "explore": ("sim",)}
"""Kits that a kit's tests use, and that do not use it: imported once, before each mutant has a process of its own."""
LONGEST = 60
"""Seconds of computing for one test, however busy the machine is: one that takes more never ends."""
ASLEEP = 90.0
"""Seconds after which tests that have computed for less than 0.2 s of them wait for what never comes."""
NEVER = 9
"""The exit code for it."""
GOOD = (0, pytest.ExitCode.NO_TESTS_COLLECTED)
QUICK = False
"""Only the tests that run what was changed."""
TEXTS = re.compile(r"^(drop text|constant): .*\b(require|raise \w+|add_note|TypeVar)\(")
"""What an error says: the tests look for the names in it, not for each word."""
STRICT = re.compile(r", strict=(True|False)")
"""A zip's own check of what its callers see to."""
DEFAULT = re.compile(r"constant: (async )?def ([a-z]\w*|__init__)\(")
"""A number in a signature of the patterns: their reference shows it, and tests/test_reference.py holds it to it."""
LIST = Path(__file__).with_name("survivors.toml")


class Told(NamedTuple):
    """What became of a mutant: `killed`, `survived`, or `never ended`."""

    module: str
    mutant: Mutant
    status: str
    seconds: float


@functools.cache
def modules(kit: str) -> list[str]:
    """The kit's modules that have code, by their names below `course_lib`."""
    paths = sorted((ROOT / "course_lib" / kit).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT / "course_lib").with_suffix("").parts) for path in paths]
    return [name for name in names if not name.endswith("__init__")]


@functools.cache
def source_of(module: str) -> str:
    return (ROOT / "course_lib" / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")


def mutants_of(module: str) -> list[Mutant]:
    left = DEFAULT if module.startswith("patterns.") else re.compile("(?!)")
    every = [mutant for mutant in mutants(source_of(module)) if not left.match(mutant.id)]
    return [mutant for mutant in every if not TEXTS.match(mutant.id) and not _of_words(mutant)]


def _of_words(mutant: Mutant) -> bool:
    """Only a zip's `strict` differs, or what a `require` says when it refuses."""
    before, _, after = mutant.id.partition(": ")[2].partition(" → ")
    if before != after and STRICT.sub("", before) == STRICT.sub("", after):
        return True
    condition, said = f"{before.partition(', ')[0]}, ", before.startswith("require(")
    return said and mutant.id.startswith("argument: ") and after.startswith(condition)


@functools.cache
def tests_of(module: str) -> tuple[list[str], list[str]]:
    """The kit's tests that import the module, itself or by a name that it defines, and its other ones; the smallest
    files first."""
    kit, name = module.partition(".")[0], module.rpartition(".")[2]
    tree = ast.parse(source_of(module))
    defined = {
        node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    }
    found: list[str] = []
    others = [str(ROOT / "tests" / file) for file in ELSEWHERE.get(module, ())]
    for path in sorted((ROOT / "tests" / kit).glob("test_*.py"), key=lambda path: path.stat().st_size):
        imported = set[str]()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"course_lib.{kit}"):
                imported |= {(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)}
        if not path.stem.endswith(("_real", "_processes")):
            (found if imported & {name, *defined} else others).append(str(path))
    return found, others


def import_below(kit: str) -> None:
    """Import what the kit's tests need and no mutant of it changes."""
    import fakeredis  # noqa: F401
    import hypothesis  # noqa: F401

    for other in BELOW[kit]:
        for module in modules(other):
            importlib.import_module(f"course_lib.{module}")
    if early := [name for name in sys.modules if name.startswith(f"course_lib.{kit}")]:
        raise RuntimeError(f"{early[0]} is imported already: its mutants would be the original")


def run(sources: Callable[[str], str | None], files: Iterable[str], plugins: Iterable[Any] = ()) -> int:
    """In a forked process: pytest's exit code, with those sources in the modules' places. No real server is started."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)  # to import it takes time, too
    threading.Thread(target=end_if_asleep, daemon=True).start()
    sys.meta_path.insert(0, Replaced(sources))
    unreal = " and ".join(f"not {version}" for version in {found.version for found in find_all()})
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *(["-k", unreal] * bool(unreal))]
    return int(pytest.main([*options, *files], plugins=[Bounded(), *plugins]))


class Bounded:
    """A plugin of pytest that ends the process at a test that computes for ever, in no matter which thread."""

    def pytest_runtest_setup(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, LONGEST)


class Chosen(Bounded):
    """And runs these tests only, the fastest first; each may take some twenty times as long as by the original."""

    def __init__(self, tests: list[Test]) -> None:
        self.seconds = {test.id: test.seconds for test in tests}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.seconds), key=lambda item: self.seconds[item.nodeid]
        )

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        signal.setitimer(signal.ITIMER_PROF, min(LONGEST, 3 + 20 * self.seconds[item.nodeid]))


def end_if_asleep() -> None:
    """In a thread of that process: end it when its tests wait for what never comes."""
    before = time.process_time()
    while True:
        time.sleep(ASLEEP)
        if time.process_time() < before + 0.2:
            os._exit(NEVER)
        before = time.process_time()


def told(case: tuple[str, Mutant]) -> Told:
    """Run the tests that run what was changed, and say what became of a mutant.

    Where it is changed as it is imported, all that run anything of the module do. A file's other tests follow, as what
    one test has made another looks at; where no test was seen to run it, as it ran in a process of its own, all do.
    """
    module, mutant = case
    begin, kit, code = time.monotonic(), module.partition(".")[0], 0
    reached = f"{module}:{mutant.line}"
    ran = {reached} if reached in (inside := telling(module, source_of(module))[1]) else inside
    for files in tests_of(module):
        every = {file: tests_in(file, kit, partial(original, kit), run) for file in files}
        first = {file: [test for test in tests if test.ran & ran] for file, tests in every.items()}
        rest = {file: [test for test in every[file] if test not in first[file]] for file in files}
        seen = any(first.values())
        for tests in (first, {file: rest[file] for file in files if not QUICK and (first[file] or not seen)}):
            chosen = {file: its for file, its in tests.items() if its}
            if chosen and code in GOOD:
                plugins = [Chosen([test for its in chosen.values() for test in its])]
                code = forked(partial(run, {module: mutant.source}.get, chosen, plugins))
    said = {**dict.fromkeys(GOOD, "survived"), NEVER: "never ended", -signal.SIGPROF: "never ended"}.get(code, "killed")
    return Told(module, mutant, said, time.monotonic() - begin)


def original(kit: str, module: str) -> str | None:
    return source_of(module) if module in modules(kit) else None


def misnamed() -> list[str]:
    """What names no module, no file, or a line that the module does not have (any more)."""
    known = {module for kit in KITS for module in modules(kit)}
    listed = {module for module, _ in excused()}
    lines = {module: _lines(source_of(module)) for module in listed & known}
    return [
        *sorted(({*ELSEWHERE} | listed) - known),
        *(file for files in ELSEWHERE.values() for file in files if not (ROOT / "tests" / file).is_file()),
        *(
            f"{module}: {id}"
            for module, id in excused()
            if module in known and id.partition(": ")[2].partition(" → ")[0] not in lines[module]
        ),
    ]


def _lines(source: str) -> set[str]:
    """As mutants are named by them: of the code, and of the scripts in it."""
    lines = [*ast.unparse(ast.parse(source)).splitlines(), *source.splitlines()]
    return {line.strip().replace('"', "'") for line in lines} - {""}


def excused() -> dict[tuple[str, str], str]:
    """By module and mutant's id, why no test can tell it from the original."""
    entries: dict[str, Any] = tomllib.loads(LIST.read_text(encoding="utf-8")) if LIST.exists() else {}
    return {
        (module, id): entry["keeps"] for module, them in entries.items() for entry in them for id in entry["mutants"]
    }


def judged(cases: list[tuple[str, Mutant]], jobs: int) -> Iterator[Told]:
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(cases), unit=" mutants", disable=None) as bar:
        for result in pool.map(told, cases):
            bar.set_description(result.module, refresh=False)
            bar.update()
            yield result


def score(results: list[Told], reasons: dict[tuple[str, str], str]) -> tuple[str, float]:
    """A line for each module, and the share of mutants that were told from the original or have a reason."""
    lines, good = [], 0
    for module in dict.fromkeys(result.module for result in results):
        mine = [result for result in results if result.module == module]
        lived = [result for result in mine if result.status == "survived"]
        listed = sum((module, result.mutant.id) in reasons for result in lived)
        good += len(mine) - len(lived) + listed
        seconds = sum(result.seconds for result in mine)
        lines.append(
            f"{module:32} {len(mine):5} mutants {len(mine) - len(lived):5} killed {listed:4} listed {seconds:8,.0f} s"
        )
    return "\n".join(lines), good / max(1, len(results))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.kits", description=__doc__)
    parser.add_argument("kit", choices=KITS)
    parser.add_argument("--module", action="append", help="only this one, such as patterns.locks; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants of each module")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes judge at once (default: 1)")
    parser.add_argument("--quick", action="store_true", help="only by tests that run what is changed: a first look")
    chosen = parser.parse_args(arguments)
    globals()["QUICK"] = chosen.quick
    import_below(chosen.kit)
    cases = []
    for module in chosen.module or modules(chosen.kit):
        every = mutants_of(module)
        places = list(range(len(every)))
        if chosen.sample is not None and chosen.sample < len(every):
            places = sorted(random.Random(f"{chosen.seed} {module}").sample(places, chosen.sample))
        cases += [(module, every[place]) for place in places]
    results, reasons = [], excused()
    for result in judged(cases, chosen.jobs):
        results.append(result)
        if result.status == "survived" and (result.module, result.mutant.id) not in reasons:
            print(f"{result.module}: survives: {result.mutant.id}", flush=True)  # at once: all of it can take hours
    lines, share = score(results, reasons)
    print(
        lines, f"{share:.1%} of {len(results)} told from the original; {KITS[chosen.kit]:.0%} are asked for", sep="\n"
    )
    return 0 if share >= KITS[chosen.kit] else 1


if __name__ == "__main__":
    sys.exit(main())
