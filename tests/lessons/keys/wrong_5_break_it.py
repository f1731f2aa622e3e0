"""Wrong answers to 02.5: orders that do not show what is wrong with the recipe, named as the check must name them."""

from __future__ import annotations

# The reader sends GET, GET, SET, and the writer DEL: one order in four breaks it.
WRONG = [
    ("writer-first", ["writer"]),
    ("writer-first", ["writer", "reader", "reader", "reader"]),
    ("writer-too-early", ["reader", "writer", "reader", "reader"]),
    ("writer-last", ["reader", "reader", "reader", "writer"]),
    ("writer-last", []),
]
