"""Answers whose objects lie about themselves, and what is hard to pass on, such as half of a surrogate pair: each gets
its status and a true sentence, and what is told can be written to a file."""

from __future__ import annotations

import pytest

from course_lib.grading.batch import records
from course_lib.grading.batch.handout import lesson
from course_lib.grading.batch.judge_interface import Judgment
from course_lib.grading.batch.results import Result, of_judgment
from course_lib.grading.exercise import find

from .judging import ISOLATED, Judge, doing

WRITE = "await redis.set(key, page, px=round(ttl * 1000))"


def told(made: Judgment) -> Result:
    """What is kept of it, which a file can hold."""
    asked = lesson("00").exercise("00.1")
    assert asked is not None
    result = of_judgment(asked, made)
    text = records.as_json(result.as_table())
    text.encode()
    assert not set(map(chr, [*range(9), 27, 0x202E])) & set(text), result.sentence
    return result


LIES = """
class Lies:
    __class__ = property(lambda self: type(None))
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 0
    def __len__(self):
        return 0
    def __iter__(self):
        return iter(())
    def __repr__(self):
        return "None"
"""
A_CLASS_LIES = """
class Meta(type):
    __module__ = property(lambda self: 5)
    __name__ = property(lambda self: 1 / 0)
    __mro__ = property(lambda self: ())
    def __instancecheck__(self, it):
        return True
class Odd(metaclass=Meta):
    pass
class Failed(Exception, metaclass=Meta):
    pass
"""
AN_ERROR_LIES = """
import os
class Failed(ValueError):
    args = property(lambda self: 1 / 0)
    __cause__ = __context__ = property(lambda self: self)
    def __str__(self):
        os._exit(0)
"""
A_CALLABLE_LIES = """
class Keeps:
    __signature__ = 5
    __code__ = None
    async def __call__(self, redis, key, page, *, ttl):
        await redis.set(key, page, px=round(ttl * 1000))
keep = Keeps()
"""
SHOWS = "class Shows:\n    def __repr__(self):\n        {}\n"
DEEP = "def deep():\n    it = []\n    for _ in range(3_000):\n        it = [it]\n    return it\n"


@pytest.mark.parametrize(
    ("before", "gives"),
    [
        (LIES, "Lies()"), (A_CLASS_LIES, "Odd()"), (SHOWS.format("raise KeyboardInterrupt"), "Shows()"),
        (SHOWS.format("return 5"), "Shows()"), (SHOWS.format("return 'x' * 1_000_000"), "Shows()"), (DEEP, "deep()"),
        ("", "10 ** 100_000"), ("", r"'\ud800'"), ("", "float('nan')"), ("", "{float('nan'): [b'\\xff', ...]}"),
    ],
    ids=["lies", "its class lies", "interrupts", "has no text", "a long text", "deep", "a giant number",
         "half of a pair", "not a number", "odd keys"],
)  # fmt: skip
def test_whatever_a_right_answer_returns_is_passed_on(before: str, gives: str, judged: Judge) -> None:
    """00.1 does not say what is returned, so each of them has all points."""
    made = told(judged(f"{before}\n{doing(WRITE, f'return {gives}')}"))
    assert (made.status, made.points) == ("passed", find("00.1").words.points), made.sentence


def test_a_callable_that_lies_about_its_arguments_is_called(judged: Judge) -> None:
    assert told(judged(A_CALLABLE_LIES)).status == "passed"


FORGES = """
import gc
child = next(it for it in gc.get_objects() if type(it).__name__ == "Child")
child.tell("done", 1, "returned", None)
""".strip()


@pytest.mark.parametrize(
    ("before", "deed", "says"),
    [
        (A_CLASS_LIES, "raise Failed()", "Your code raised Failed"),
        (AN_ERROR_LIES, "raise Failed('x')", "Your code raised Failed"),
        ("", "raise ValueError(10 ** 100_000, 'x' * 10_000_000)", "(a very large number, …)"),
        ("", r"raise ValueError('\ud800')", r"`: \ud800."),
        ("", r"raise ValueError('\x00\x1b[2J\u202e')", r"`: \x00\x1b[2J\u202e."),
        ("", "await asyncio.sleep(float('nan'))", "a time that is not a number (NaN)"),
        ("", "asyncio.get_running_loop().call_at(float('nan'), print)", "a time that is not a number (NaN)"),
        ("", "asyncio.get_running_loop().call_later(10 ** 400, print)", "OverflowError"),
        ("", "await asyncio.sleep(float('inf'))", "never came to an end"),
        (SHOWS.format("__import__('sys').exit()"), "return Shows()", "Your code raised SystemExit"),
        ("", FORGES, "spoke in its place"),
        ("", "sys.setrecursionlimit(20)", "Your code "),
        ("", "import builtins\nbuiltins.isinstance = lambda *_: True\nbuiltins.len = lambda _: 0", "Your code "),
        ("", "raise BaseExceptionGroup('two', [KeyboardInterrupt(), SystemExit()])", "raised BaseExceptionGroup"),
        ("", "sys.settrace(lambda *_: 1 / 0)", "raised ZeroDivisionError"),
    ],
    ids=["its class lies", "an error lies", "a giant number", "half of a pair", "controls a terminal", "sleeps for nan",
         "a timer at nan", "a timer too late", "sleeps without end", "exits where it is shown", "forges",
         "no recursion", "patches builtins", "a group", "traces"],
)  # fmt: skip
def test_what_cannot_be_judged_is_told_truly(before: str, deed: str, says: str, judged: Judge) -> None:
    made = told(judged(f"{before}\n{doing(deed, WRITE)}"))
    assert (made.status, made.points, says in made.sentence) == ("error", 0, True), made.sentence


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\0", "Your cell does not run: source code string cannot contain null bytes."),
        ("keep = " + "(" * 5_000, "in line 1, `keep = (((((("),
        ("import os\nos._exit(0)", "Your code raised SystemExit in line 2"),
        ("class K:\n    def __getattribute__(self, name):\n        raise SystemExit\nkeep = K()", "ended its process"),
    ],
)
def test_a_cell_that_does_not_run_has_a_short_sentence(source: str, says: str, judged: Judge) -> None:
    made = told(judged(source))
    assert (made.status, says in made.sentence, len(made.sentence) < 300) == ("error", True, True), made.sentence


def test_what_is_printed_can_be_written_to_the_page_of_a_student(judged: Judge) -> None:
    """Also half of a surrogate pair, by which the whole class would have no report."""
    made = told(judged(doing(r"print('\ud800\x1b[2J <script>', 'x' * 1_000_000)", "return")))
    assert made.status == "failed"
    assert r"Printed: \ud800\x1b[2J <script> xxx" in made.text
    assert "[2J &lt;script&gt; xxx" in made.html
    assert "<script>" not in made.html
    assert len(made.html) < 200_000


@pytest.mark.skipif(not ISOLATED, reason="nothing isolates an answer on this machine")
@pytest.mark.parametrize(
    "deed",
    [
        "open('/proc/self/environ').read()",
        "[open(f'/proc/{number}/cmdline').read() for number in os.listdir('/proc')]",
        "os.listdir('/tmp'), os.listdir('/home')",
        "os.killpg(0, 9)",
        "os.kill(-1, 19)",
        "os.kill(os.getpid(), 19)",
    ],
    ids=["environment", "others' commands", "folders", "its group", "all", "stops itself"],
)
def test_the_machine_is_out_of_reach(deed: str, judged: Judge) -> None:
    made = told(judged(doing(f"raise LookupError({deed})", WRITE)))
    assert (made.status, made.points) == ("error", 0)
    assert "LookupError in line" not in made.sentence.partition("`")[0], made.sentence
