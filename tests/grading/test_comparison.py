"""After a pass, `solution` says what the answer does differently: on the wire, and as code."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.grading import solution
from course_lib.grading.exercise import find
from course_lib.grading.on_the_wire import Difference, difference
from course_lib.grading.solution import PASSED, Solution, worked

from .programs import ANSWERS


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    PASSED.clear()


def cell(source: str, name: str) -> Any:
    """What a notebook's cell defines: its source is known to linecache alone."""
    file = f"<cell of {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {}
    exec(compile("import asyncio, inspect, json, re\n", file, "exec"), names)
    exec(compile(source, file, "exec"), names)
    return names[name]


def beside(id: str, answer: Any) -> Solution:
    PASSED[id] = answer
    return solution(id)


def of(id: str, source: str) -> Solution:
    return beside(id, cell(source, ANSWERS[id]))


@pytest.mark.parametrize("id", ANSWERS)
def test_the_worked_solution_does_not_differ_from_itself(id: str) -> None:
    """For every exercise; and what sends nothing is compared as code alone."""
    its = worked(id)
    assert its is not None
    found = beside(id, its.value())
    if found.wire is not None:
        assert found.wire.says.startswith("No difference that matters on the wire: both send ")
        assert found.wire.rows == []
    assert (found.wire is None) == (id in SILENT)


SILENT = {
    "00.5", "01.1", "01.2", "01.4", "01.5", "01.6", "02.1", "02.5", "02.6", "03.4", "03.5", "03.6", "04.4", "04.6",
    "05.4", "05.5", "06.5", "06.6", "07.5", "07.6", "08.1", "08.3", "08.5",
}  # fmt: skip
"""Plain functions, plans that break something, and properties."""


def test_layout_and_comments_are_no_difference() -> None:
    its = worked("00.1")
    assert its is not None
    found = of("00.1", f"# Mine.\n{its.code.replace('(', '(  ')}  # stores it\n")
    assert found.about == "As code, yours is the same but for comments and layout."
    assert found.wire is not None
    assert re.search(r"both send (\d) commands in \1 round trips and keep the same keys for the same", found.wire.says)


def test_names_of_variables_are_no_difference() -> None:
    its = worked("00.2")
    assert its is not None
    assert of("00.2", its.code.replace("hit", "found")).about.endswith("the same but for the names of variables.")
    assert not of("00.2", its.code.replace("key", "name")).about.endswith("variables.")  # the control: an argument


IN_A_TRANSACTION = """
LIFE = 1000

async def count(redis, key, *, window):
    async with redis.pipeline() as pipe:
        pipe.incr(key)
        pipe.pexpire(key, round(window * LIFE), nx=True)
        hits, _ = await pipe.execute()
    return hits
"""


def test_what_is_sent_is_compared() -> None:
    found = of("03.1", IN_A_TRANSACTION)
    assert found.wire is not None
    assert found.wire.says == "Yours sends 4 commands, where this one sends 1 script: each in 1 round trip."
    assert found.wire.rows == [("Commands", "1 MULTI, 1 INCRBY, 1 PEXPIRE, 1 EXEC", "1 EVAL")]


def test_code_that_is_far_off_is_shown_whole_with_what_it_uses() -> None:
    found = of("03.1", f"{IN_A_TRANSACTION}\nUNUSED = 'no part of the answer'\n")
    assert "too different" in found.about
    assert found.yours.startswith("LIFE = 1000\n")
    assert "UNUSED" not in found.yours
    assert found.lines == ()


def test_code_that_is_near_is_compared_line_by_line() -> None:
    its = worked("05.1")
    assert its is not None
    found = of("05.1", its.code.replace("asyncio.sleep(0.02)", "asyncio.sleep(0.05)"))
    changed = [(line.mark, line.text.strip()) for line in found.lines if line.mark != " "]
    assert changed == [("−", "await asyncio.sleep(0.05)"), ("+", "await asyncio.sleep(0.02)")]
    assert "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end" in [
        line.text for line in found.lines
    ]  # a script keeps its lines
    page = found._repr_mimebundle_()["text/html"]
    assert page.count('class="minus"') == page.count('class="plus"') == 1


def told(id: str, source: str) -> Difference:
    its = worked(id)
    assert its is not None
    found = difference(find(id), cell(source, ANSWERS[id]), its.value())
    assert found is not None
    return found


def test_lives_are_compared() -> None:
    """Twice the life is a difference; a moment in place of a duration is none."""
    keep = "async def keep(redis, key, page, *, ttl):\n    await redis.set(key, page, {})\n"
    assert "No difference" in told("00.1", keep.format("px=round(ttl * 1000)")).says
    twice = told("00.1", keep.format("px=round(ttl * 2000)"))
    assert twice.says == "They do not keep the same keys for the same time."
    ((what, yours, its),) = twice.rows
    assert (what, "`app:product:42` for 120 s" in yours, "`app:product:42` for 60 s" in its) == ("Kept", True, True)
    forever = told("00.1", keep.format("keepttl=False"))
    assert "`app:product:42` forever" in forever.rows[0][1]


def test_loads_and_round_trips_are_compared() -> None:
    loads_always = "async def product_page(redis, key, load, *, ttl):\n    return await load()\n"
    says = told("00.2", loads_always).says
    assert re.match(r"Yours sends 0 commands in 0 round trips, where this one sends \d+ commands in \d+ round", says)
    assert re.search(r"Yours loads \d+ times, and this one \d+ times\.", says)


def test_a_plan_is_compared_as_a_value() -> None:
    order = ["reader", "reader", "writer", "writer"]
    found = beside("00.5", order)
    assert [line.mark for line in found.lines] == ["−", "+"]
    assert found.lines[0].text == "order = ['reader', 'reader', 'writer', 'writer']"
    assert beside("00.5", [*order, "reader"]).about == "Yours is the same."


def test_an_answer_that_no_longer_runs_is_compared_as_code() -> None:
    """A kernel changes after a pass: a name that the answer uses may be gone."""
    found = of("00.1", "async def keep(redis, key, page, *, ttl):\n    await redis.set(key, page, px=missing(ttl))\n")
    assert found.wire is not None  # the run says what was sent, which is nothing
    assert found.wire.says.startswith("Yours sends 0 commands")
    odd = beside("00.1", None)
    assert odd.wire is None


def test_a_class_in_a_cell_is_read() -> None:
    """inspect.getsource cannot read it in every Python."""
    its = worked("02.2")
    assert its is not None
    changed = of("02.2", its.code.replace("stored is not None", "stored"))
    assert ("−", "        if stored:") in changed.lines
