"""What followed a press: the numbers that it changed, against the same run without it; and a run in a few lines."""

from __future__ import annotations

from course_lib.stage.ledger import Account
from course_lib.stage.presses import Press

TELLING = {
    "pages failed": "pages failed", "at once": "loads at once", "of these gone": "acknowledged orders gone",
    "stored twice": "orders stored twice", "late writes accepted": "late writes accepted",
    "late writes refused": "late writes refused",
}  # fmt: skip
"""Numbers by which something goes wrong, as a line of the list names them."""


def followed(before: Account, after: Account) -> str:
    """`pages failed 0 → 35, acknowledged orders gone 0 → 1`."""
    was, now = before.numbers, after.numbers
    changed = [f"{said} {was[name]:,} → {now[name]:,}" for name, said in TELLING.items() if now[name] != was[name]]
    if after.shown > 1.5 * before.shown:
        changed.insert(0, f"pages shown {before.shown:,} → {after.shown:,}")
    return ", ".join(changed) or "nothing that a customer would see"


def line(press: Press, before: Account | None, after: Account | None) -> str:
    """A line of the list: what was pressed, when, and what followed."""
    told = f": {followed(before, after)}" if before is not None and after is not None else ""
    return f"{press.seconds:.1f} s  {press.fault.name}{told}"


def framed(style: str, html: str) -> str:
    """The line that tells how the run ended; `style` is `good`, `bad` or nothing."""
    return f'<div class="told {style}" role="status"><p>{html}</p></div>'


def kept(verdict: str, log: str, numbers: str) -> str:
    """What a saved notebook shows without its kernel: how the last run ended, with its code, and what followed."""
    return (
        "<p><b>The failure deck.</b> Run this cell, press a key, and see what follows. The last run:</p>"
        f"<p>{verdict}</p>{log}{numbers}"
    )
