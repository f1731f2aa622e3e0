"""What became of the mutants: a table by exercise, and what is wrong with judges or lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .judging import Judged
from .listed import Kind

Listed = Mapping[tuple[str, str], Kind]


def complaints(results: Iterable[Judged], listed: Listed) -> list[str]:
    """Survivors that no list explains, and entries that a judge refuses by now."""
    found = []
    for exercise, mutant, status, _ in results:
        kind = listed.get((exercise, mutant.id))
        if status == "passed" and kind is None:
            found.append(f"{exercise}: survives: {mutant.id}")
        elif status != "passed" and kind == "holes":
            found.append(f"{exercise}: no hole any more, so take it from the list: {mutant.id}")
        elif status != "passed" and kind == "equivalent":
            found.append(f"{exercise}: listed as keeping the contract, and {status}: {mutant.id}")
    return found


def unmatched(known: Iterable[tuple[str, str]], listed: Listed) -> list[str]:
    """Entries of the lists that no mutant has the id of."""
    return [f"{exercise}: listed, and there is no such mutant: {id}" for exercise, id in sorted({*listed} - {*known})]


def table(results: Iterable[Judged], listed: Listed) -> str:
    """A line for each exercise, and one for all of them."""
    heads = ("exercise", "mutants", "refused", "equivalent", "holes", "survivors", "seconds")
    lines: dict[str, list[float]] = {}
    for exercise, mutant, status, seconds in results:
        kind = listed.get((exercise, mutant.id)) if status == "passed" else None
        counts = [1, status != "passed", kind == "equivalent", kind == "holes", status == "passed" and not kind]
        for name in (exercise, "all"):
            line = lines.setdefault(name, [0.0] * 6)
            lines[name] = [before + more for before, more in zip(line, [*counts, seconds], strict=True)]
    if "all" in lines:
        lines["all"] = lines.pop("all")
    rows = [heads, *((name, *(f"{n:,.0f}" for n in line[:5]), f"{line[5]:,.1f}") for name, line in lines.items())]
    return "\n".join("  ".join(cell.rjust(len(head)) for cell, head in zip(row, heads, strict=True)) for row in rows)
