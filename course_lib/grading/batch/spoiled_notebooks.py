"""The ways in which notebooks come in broken: each takes one that was handed in, and returns what became of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

Notebook = dict[str, Any]


def saved(notebook: Notebook) -> bytes:
    """As a file, as editors write it."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def without_metadata(notebook: Notebook) -> bytes:
    """Some editors drop the metadata and the ids of cells."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return saved({**notebook, "nbformat_minor": 4})


def copied(notebook: Notebook) -> bytes:
    """The cell of the first answer twice, the first of them as it was before."""
    cell = _answers(notebook)[0]
    earlier = {**copy.deepcopy(cell), "source": "release = None  # an earlier try", "id": "an-earlier-try"}
    notebook["cells"].insert(notebook["cells"].index(cell), earlier)
    return saved(notebook)


def moved(notebook: Notebook) -> bytes:
    """The first answer at the end."""
    cell = _answers(notebook)[0]
    notebook["cells"].remove(cell)
    notebook["cells"].append(cell)
    return saved(notebook)


def deleted(notebook: Notebook) -> bytes:
    """Two answers are gone, another is a text cell."""
    first, second, third, *_ = _answers(notebook)
    notebook["cells"].remove(first)
    notebook["cells"].remove(second)
    third["cell_type"] = "markdown"
    return saved(notebook)


def renamed(notebook: Notebook) -> bytes:
    """The answer's function under another name."""
    cell = _answers(notebook)[0]
    cell["source"] = "".join(cell["source"]).replace("def release", "def my_release")
    return saved(notebook)


def of_format_3(notebook: Notebook) -> bytes:
    """As notebooks were stored until 2014."""
    cells = [
        {**cell, "input": "".join(cell["source"]), "language": "python"} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return saved({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})


def cut_off(notebook: Notebook) -> bytes:
    """An upload that broke off."""
    whole = saved(notebook)
    return whole[: len(whole) // 2]


def nothing(_: Notebook) -> bytes:
    """An empty file."""
    return b""


def a_web_page(_: Notebook) -> bytes:
    """A student who was logged out has saved the page that says so."""
    return b"<!doctype html><title>Please log in</title>"


def with_outputs(notebook: Notebook) -> bytes:
    """Two megabytes of output in a cell."""
    _answers(notebook)[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "tick\n" * 400_000}]
    return saved(notebook)


def with_magics(notebook: Notebook) -> bytes:
    """Lines for IPython in the midst of an answer."""
    cell = _answers(notebook)[0]
    cell["source"] = "%%time\n!pip install redis\n" + "".join(cell["source"])
    return saved(notebook)


def utf_16(notebook: Notebook) -> bytes:
    """An editor on Windows has stored it in its own encoding."""
    return saved(notebook).decode().encode("utf-16")


def with_a_wrong_cell(notebook: Notebook) -> bytes:
    """A cell that is not Python, and one that stops."""
    for source in ("def (:", "raise SystemExit('done')"):
        cell: dict[str, Any] = {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        notebook["cells"].insert(3, cell)
    return saved(notebook)


def that_hangs(notebook: Notebook) -> bytes:
    """An answer without an end."""
    _answers(notebook)[0]["source"] = "async def release(redis, key, token):\n    while True:\n        pass\n"
    return saved(notebook)


def that_wants_memory(notebook: Notebook) -> bytes:
    """An answer that wants more memory than there is."""
    _answers(notebook)[0]["source"] = "async def release(redis, key, token):\n    return bytes(10**12)\n"
    return saved(notebook)


WAYS: tuple[Callable[[Notebook], bytes], ...] = (
    without_metadata, copied, moved, deleted, renamed, of_format_3, cut_off, nothing, a_web_page, with_outputs,
    with_magics, utf_16, with_a_wrong_cell, that_hangs, that_wants_memory,
)  # fmt: skip


def _answers(notebook: Notebook) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution")]
