"""Makes exercises/ from solutions/: `python -m course_lib.grading.make_exercises`; with `--check` it only compares.

Cells carry nbgrader's metadata (schema 3) and its markers, so nbgrader can read the source too. Its own preprocessors
are not used: they would bring a database and a web server for what are these few lines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading.exercise import grade_id, words
from course_lib.grading.solution import BEGIN, END

ROOT = Path(__file__).resolve().parent.parent.parent
ASSIGNED = re.compile(r"^(\w+)(?::[^=]+)? = ")

Notebook = dict[str, Any]


class BadSource(CourseError):
    """A notebook in solutions/ from which no exercise can be made."""


def exercise(solution: Notebook, name: str) -> Notebook:
    """The notebook that a learner gets: solutions cut out, outputs emptied. Raises: BadSource, which names the cell."""
    cells = [_cell(cell, name) for cell in solution["cells"]]
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise BadSource(f"{name}: two cells have the grade_id {twice[0]!r}")
    missing = [grade_id(id) for id in words(name[:2]) if grade_id(id) not in ids]
    if missing:
        raise BadSource(f"{name}: no cell has the grade_id {missing[0]!r}")
    return {**solution, "cells": cells}


def text(notebook: Notebook) -> str:
    """A notebook as a file, always in the same bytes; as nbformat writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cell(cell: dict[str, Any], name: str) -> dict[str, Any]:
    """One cell without solution, output and whatever an editor left in its metadata."""
    kept = {key: value for key, value in cell["metadata"].items() if key in ("nbgrader", "tags", "jupyter")}
    made: dict[str, Any] = {**cell, "metadata": kept}
    if cell["cell_type"] == "code":
        made |= {"outputs": [], "execution_count": None}
    source, graded = "".join(cell["source"]), kept.get("nbgrader", {})
    if not graded.get("solution"):
        if BEGIN in source or END in source:
            raise BadSource(f"{name}: cell {cell['id']!r} has a solution, and its metadata do not say so")
        return made
    exercise_words = {grade_id(id): its for id, its in words(name[:2]).items()}.get(graded["grade_id"])
    if exercise_words is None or graded["points"] != exercise_words.points:
        raise BadSource(f"{name}: grade_id or points of cell {cell['id']!r} are not those of the exercise's words")
    return {**made, "source": _stripped(source, f"{name}: cell {cell['id']!r}").splitlines(keepends=True)}


def _stripped(source: str, where: str) -> str:
    """The source with each solution replaced by a stub that runs as far as it should."""
    lines: list[str] = []
    region: list[str] | None = None
    for line in source.split("\n"):
        if line.strip() == BEGIN and region is None:
            region = []
        elif line.strip() == END and region is not None:
            lines += _stub(region)
            region = None
        elif line.strip() in (BEGIN, END):
            raise BadSource(f"{where}: {BEGIN} and {END} do not alternate")
        else:
            (lines if region is None else region).append(line)
    if region is not None or lines == source.split("\n"):
        raise BadSource(f"{where}: no complete solution between {BEGIN} and {END}")
    return "\n".join(lines)


def _stub(region: list[str]) -> list[str]:
    """In a function, an error that `check` knows; at the margin, where one would stop *Run All*, `name = ...`."""
    indent = " " * min(len(line) - len(line.lstrip()) for line in region if line.strip())
    if indent:
        return [f"{indent}raise NotImplementedError  # your code here, in place of this line"]
    names = [match[1] for line in region if (match := ASSIGNED.match(line))]
    return [f"{name} = ...  # your code here, in place of the dots" for name in names]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write every exercise, or with --check say which ones differ. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.grading.make_exercises", description="Make exercises/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    check, drift = parser.parse_args(arguments).check, []
    sources = {path.name: path for path in sorted((root / "solutions").glob("[0-9][0-9]_*.ipynb"))}
    for name, path in sources.items():
        made, target = text(exercise(json.loads(path.read_text(encoding="utf-8")), name)), root / "exercises" / name
        if not target.exists() or target.read_text(encoding="utf-8") != made:
            drift.append(f"{name} is not what solutions/{name} makes")
            if not check:
                target.parent.mkdir(exist_ok=True)
                target.write_text(made, encoding="utf-8", newline="\n")
    drift += [f"{p.name} has no source" for p in sorted((root / "exercises").glob("*.ipynb")) if p.name not in sources]
    if check and drift:
        print("exercises/ has drifted; run `make exercises`:", *drift, sep="\n  ", file=sys.stderr)
    return int(check and bool(drift))


if __name__ == "__main__":
    sys.exit(main())
