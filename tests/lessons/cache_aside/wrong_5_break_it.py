"""Wrong answers to 00.5: orders that leave no old price behind, named as the check must name them."""

from __future__ import annotations

# The reader asks, loads, stores, and the writer commits, deletes: one order in ten breaks it.
WRONG = [
    ("one-after-another", ["reader", "reader", "reader", "writer", "writer"]),
    ("one-after-another", ["writer", "writer"]),
    ("one-after-another", []),
    ("loads-the-new", ["reader", "writer", "writer", "reader", "reader"]),
    ("loads-the-new", ["reader", "writer", "reader", "writer"]),
    ("loads-the-new", ("writer", "reader")),
    ("loads-the-new", ["writer", "reader", "reader", "writer", "reader", "reader"]),
    ("loads-the-new", ["writer", "reader", "reader", "reader", "writer"]),
    ("loads-the-new", ["reader", "writer", "reader", "reader", "writer"]),
    ("deleted-after", ["reader", "reader", "writer", "reader", "writer"]),
    ("deleted-after", ["reader", "reader", "writer", "reader", "reader", "reader"]),
]
