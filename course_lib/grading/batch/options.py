"""The command's options. What is wrong with one is said in a sentence, and the exit code is 2."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from course_lib.grading.batch.judge_interface import Limits


def python() -> str:
    """How the Python that runs now is called from here."""
    environment = Path(sys.prefix)
    near = sys.prefix != sys.base_prefix and environment.parent == Path.cwd()
    return (Path(environment.name) / Path(sys.executable).parent.name / "python").as_posix() if near else "python"


COMMAND = f"{python()} -m course_lib.grading"
ABOUT = """\
Grade a class: SUBMISSIONS/<student>/<NN_topic>.ipynb → a report with a page for each student.
What an earlier run has judged is not judged again; Control-C leaves a report of what is done."""
OTHERS = f"""\
other commands, each with its own --help:
  {COMMAND} --try exercises/04_redlock.ipynb
        judge a notebook of your own as the class's are judged
  {COMMAND} override REPORT STUDENT EXERCISE POINTS REASON
        set a score by hand; no later run changes it
  {COMMAND} export REPORT --canvas FILE
        fill in a gradebook that was exported (or --moodle FILE)
  {COMMAND} merge PART PART … --out REPORT
        put together what --shard has graded in parts
  {COMMAND} gradescope --lesson 04 --out FILE.zip
        an autograder to upload to Gradescope
  {COMMAND} class FOLDER
        thirty made-up submissions to try all this on

The guide is solutions/README.md."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        text = f"{message[:1].upper()}{message[1:]}".rstrip(".")
        self.exit(2, f"{text}. `{COMMAND} --help` lists the options.\n")


def grading() -> Parser:
    """The options of the command without a name."""
    parser = Parser(
        prog=COMMAND, description=ABOUT, epilog=OTHERS, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{COMMAND} SUBMISSIONS --out REPORT [options]", allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("submissions", nargs="?", type=Path, metavar="SUBMISSIONS", help="a folder for each student")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="where the report goes; with --try, a page (.html)")
    parser.add_argument("--try", dest="attempt", type=Path, metavar="NOTEBOOK", help="judge one notebook, and print it")
    what = parser.add_argument_group("what is graded")
    what.add_argument("--lesson", action="append", default=[], metavar="04", help="only this; may be given again")
    what.add_argument("--exercise", action="append", default=[], metavar="04.2", help="judge this once more")
    what.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="I/N", help="only the I-th of N parts of the class"
    )
    how = parser.add_argument_group("how answers are run")
    how.add_argument(
        "--jobs", type=_at_least_one, default=0, metavar="N", help="processes (as many as there are cores)"
    )
    _secret(how)
    how.add_argument(
        "--time-limit",
        type=_seconds,
        default=Limits().seconds,
        metavar="S",
        help=f"seconds of computing for an exercise ({Limits().seconds:g})",
    )
    how.add_argument("--memory-limit", type=_bytes, default=Limits().memory, metavar="M", help="as 512M or 2G (1G)")
    how.add_argument("--unsafe", action="store_true", help="also where nothing isolates an answer from this machine")
    how.add_argument("--quiet", action="store_true", help="no progress bar, and nothing said")
    _gradebooks(parser)
    return parser


def others() -> dict[str, Parser]:
    """The options of each command that has a name."""
    named = {name: Parser(prog=f"{COMMAND} {name}", allow_abbrev=False) for name in
             ("override", "export", "merge", "gradescope", "class")}  # fmt: skip
    for name in ("override", "export"):
        named[name].add_argument("report", type=Path, metavar="REPORT", help="where the report is")
    for name, meaning in (
        ("STUDENT", "as the folder is named"), ("EXERCISE", "such as 04.2"), ("POINTS", "such as 5 or 2.5"),
        ("REASON", "one sentence, in quotes: it is shown on the student's page"),
    ):  # fmt: skip
        named["override"].add_argument(name.lower(), metavar=name, help=meaning)
    _gradebooks(named["export"])
    named["merge"].add_argument("parts", type=Path, nargs="+", metavar="PART", help="a report that --shard made")
    named["merge"].add_argument("--out", type=Path, required=True, metavar="REPORT", help="where the whole report goes")
    named["gradescope"].add_argument("--lesson", required=True, metavar="04", help="what it grades")
    named["gradescope"].add_argument("--out", type=Path, required=True, metavar="FILE.zip", help="what to write")
    named["gradescope"].add_argument("--unsafe", action="store_true", help="Gradescope's container is isolation enough")
    _secret(named["gradescope"])
    named["class"].add_argument("folder", type=Path, metavar="FOLDER", help="a new one")
    return named


def _secret(group: Any) -> None:
    group.add_argument(
        "--secret-file", type=_secret_file, dest="secret", default=b"", metavar="FILE",
        help="at least 16 bytes that only you know: they choose the hidden runs of each student",
    )  # fmt: skip


def _gradebooks(parser: Any) -> None:
    group = parser.add_argument_group("gradebooks")
    group.add_argument("--canvas", type=Path, metavar="FILE", help="as Canvas exported it; → REPORT/canvas.csv")
    group.add_argument("--moodle", type=Path, metavar="FILE", help="as Moodle exported it; → REPORT/moodle.csv")
    group.add_argument(
        "--column", type=_column, action="append", default=[], metavar="04=NAME", help="the column of a lesson in it"
    )


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 1/4")
    return int(match[1]), int(match[2])


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 256")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return found


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([MG])B?", text, re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 512M or 2G")
    return int(match[1]) << (20 if match[2] in "Mm" else 30)


def _secret_file(text: str) -> bytes:
    try:
        found = Path(text).read_bytes().strip()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read ({str(error.strerror).lower()})") from None
    if len(found) < 16:
        raise argparse.ArgumentTypeError(f"{text} has {len(found)} bytes, and a secret has at least 16")
    return found


def _column(text: str) -> tuple[str, str]:
    number, sign, name = text.partition("=")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f'{text!r} is not a lesson and its column, as in "04=Homework 3 (1234)"')
    return number.strip(), name
