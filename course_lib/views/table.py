"""Rows of numbers as a table that a notebook shows, and as lines of text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_lib.views.picture import PROSE, escape

_RULES = """.course-table th,.course-table td{padding:2px 6px;text-align:right;vertical-align:bottom;line-height:1.35}
.course-table tbody th,.course-table td{white-space:nowrap;vertical-align:baseline}
.course-table tr>:first-child,.course-table tr>.words.words{text-align:left} .course-table td.words{white-space:normal}
.course-table tr>:first-child{font-weight:600}
.course-table caption{text-align:left;padding:4px 8px;caption-side:top;white-space:nowrap}"""
_NUMBER = re.compile(r"[-−+]?\d[\d.,]*(e[-+]?\d+)?( ?[^\d\s]{1,4})?")


def column(name: str, attributes: str = "") -> str:
    """The head of a column. Without a name it is no header, or a screen reader would say one that is empty."""
    return f'<th scope="col"{attributes}>{escape(name)}</th>' if name else "<td></td>"


@dataclass(frozen=True, slots=True)
class Table:
    """The same columns in each row; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def _repr_html_(self) -> str:
        kinds = [' class="words"' if words else "" for words in self._of_words]
        head = "".join(column(name, kind) for name, kind in zip(self.columns, kinds, strict=True))
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            f"{''.join(f'<td{kind}>{escape(cell)}</td>' for cell, kind in zip(rest, kinds[1:], strict=True))}</tr>"
            for first, *rest in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return (
            f'<style>{_RULES}</style><table class="course-table {PROSE}">{caption}'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        sizes = list(zip(widths, self._of_words, strict=True))
        text = [
            "  ".join(cell.ljust(n) if words else cell.rjust(n) for cell, (n, words) in zip(line, sizes, strict=True))
            for line in lines
        ]
        return "\n".join(line.rstrip() for line in ([self.caption, *text] if self.caption else text))

    @property
    def _of_words(self) -> list[bool]:
        """For each column, whether it is one of words: no cell is a number, with or without a unit. Such a column is
        aligned left."""
        return [not any(_NUMBER.fullmatch(row[i]) for row in self.rows) for i in range(len(self.columns))]


def table(rows: Sequence[Mapping[str, object]], *, caption: str = "") -> Table:
    """Rows with the same keys, in the order of the first row's. No rows make an empty table."""
    columns = tuple(rows[0]) if rows else ()
    return Table(columns, tuple(tuple(_shown(row[name]) for name in columns) for row in rows), caption)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
