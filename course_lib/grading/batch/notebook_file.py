"""A file that somebody handed in, which can be anything, as the cells of a notebook. Its outputs are not kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.errors import CourseError
from course_lib.words import counted

LARGEST = 100 << 20
"""Bytes of a file, with all of its outputs."""
MOST_CODE = 1 << 20
"""Characters of code in one notebook."""
MOST_CELLS, MOST_REMARKS = 5_000, 20
"""Cells of a notebook, and remarks that its author can use."""


class Unreadable(CourseError):
    """What was handed in is not a notebook. The text is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class RawCell:
    """One cell as it stands in the file: its number there, counted from 1, and its ids, which can be lost or wrong."""

    number: int
    is_code: bool
    source: str
    grade_id: str = ""
    cell_id: str = ""


@dataclass(frozen=True)
class Notebook:
    """The cells, and what was odd about the file."""

    cells: tuple[RawCell, ...]
    remarks: tuple[str, ...] = ()


def notebook(data: bytes) -> Notebook:
    """Raises: Unreadable."""
    remarks: list[str] = []
    cells = _modern(_table(_json(_text(data, remarks))), remarks)
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"The notebook has more than {MOST_CELLS:,} cells.")
    return Notebook(tuple(_cells(cells, remarks)), tuple(remarks))


def few(remarks: Sequence[str]) -> tuple[str, ...]:
    """The first of many remarks, and how many there are besides."""
    left = len(remarks) - MOST_REMARKS
    return (
        *remarks[:MOST_REMARKS],
        *([f"There {'are' if left > 1 else 'is'} {counted(left, 'remark')} more."] if left > 0 else []),
    )


def _text(data: bytes, remarks: list[str]) -> str:
    if not data.strip():
        raise Unreadable("The file is empty.")
    if data[:4] == b"PK\x03\x04":
        raise Unreadable("The file is a zip archive, not a notebook.")
    encoding = json.detect_encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is not UTF-8 text: byte {error.start + 1} is wrong.") from None
    if encoding != "utf-8":
        remarks.append(f"The file is not plain UTF-8 but {encoding.upper()}; it was read all the same.")
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated string" in error.msg
        why = "it ends too early, as after an upload that broke off" if cut else f"line {error.lineno}: {error.msg}"
        raise Unreadable(f"The file is not a complete notebook ({why}).") from None
    except RecursionError:
        raise Unreadable("The file is nested too deeply to be a notebook.") from None
    except (ValueError, MemoryError) as error:  # such as an integer with a million digits
        raise Unreadable(f"The file cannot be read: {str(error) or 'it is too large'}.") from None


def _table(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or not ("cells" in found or "worksheets" in found):
        raise Unreadable("The file holds JSON, but no notebook: it has no cells.")
    if "cells" in found:
        found["cells"] = _emptied(found["cells"])
    for sheet in _listed(found.get("worksheets")):
        if isinstance(sheet, dict):
            sheet["cells"] = _emptied(sheet.get("cells"))
    return found


def _emptied(cells: Any) -> list[Any]:
    """The notebook without its outputs, which can be most of a file. They go before anything looks at them."""
    for cell in _listed(cells):
        if isinstance(cell, dict):
            cell["outputs"] = []
    return _listed(cells)


def _modern(found: dict[str, Any], remarks: list[str]) -> list[Any]:
    """The cells as format 4 has them.

    Formats 2 and 3 keep them in sheets, and call a code cell's source `input`. nbformat would convert all the rest too,
    but refuses what is damaged, and takes 2.5 s to import, in each worker.
    """
    major = str(found.get("nbformat"))[:20]
    if "cells" in found:
        if major != "4":
            remarks.append(f"The notebook's format is given as {major!r}; it was read as format 4.")
        return _listed(found["cells"])
    remarks.append(f"The notebook is of the old format {major}.")
    sheets = [sheet for sheet in _listed(found["worksheets"]) if isinstance(sheet, dict)]
    cells = [cell for sheet in sheets for cell in _listed(sheet.get("cells"))]
    return [{**cell, "source": cell.get("input")} if _is_code(cell) and "input" in cell else cell for cell in cells]


def _cells(cells: list[Any], remarks: list[str]) -> list[RawCell]:
    made, code = [], 0
    for number, cell in enumerate(cells, 1):
        source = _source(cell.get("source")) if isinstance(cell, dict) else None
        if not isinstance(cell, dict) or source is None:
            remarks.append(f"Cell {number} is damaged and was passed over.")
            continue
        clean = source.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        if clean != source:
            remarks.append(f"Cell {number} has characters that no text can have; each became a question mark.")
        code += len(clean) if _is_code(cell) else 0
        if code > MOST_CODE:
            raise Unreadable(f"The notebook has more than {MOST_CODE:,} characters of code.")
        metadata = cell.get("metadata")
        graded = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        grade_id = graded.get("grade_id") if isinstance(graded, dict) else None
        made.append(RawCell(number, _is_code(cell), clean, _string(grade_id), _string(cell.get("id"))))
    return made


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _source(found: Any) -> str | None:
    if isinstance(found, list) and all(isinstance(line, str) for line in found):
        return "".join(found)
    return found if isinstance(found, str) else None


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _string(found: Any) -> str:
    return found if isinstance(found, str) else ""
