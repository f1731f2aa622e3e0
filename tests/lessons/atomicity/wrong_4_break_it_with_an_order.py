"""Wrong answers to 03.4: orders that keep the limit, or break it in a roundabout way, named as the check must."""

from __future__ import annotations

A, B, C = "alice", "bob", "carol"

WRONG = [
    ("one-after-another", []),
    ("one-after-another", [A, A, A, C, C, C]),
    ("one-looks-too-late", [B]),
    ("after-the-add", [A, A, B, B, C, A, B]),
    ("after-the-add", [A, A, B, A, B, B, C]),
    ("one-looks-too-late", [A, B, A, A, B, B, C]),
    ("one-looks-too-late", [A, B, B, A, C]),
    ("too-many-changes", [A, B, C, A, B, C]),
    ("too-many-changes", [A, B, B, C, C, A, C, B, A]),
    ("one-after-another", "R2-limiter.naive-2-0000-N4VY5"),
    ("too-many-changes", "R2-limiter.naive-2-010000-CR096"),
]
