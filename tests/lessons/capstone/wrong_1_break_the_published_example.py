"""Wrong answers to 08.1: scenes in which one of the two mistakes does not show, named as the check must name it."""

from __future__ import annotations

from course_lib.lessons.capstone.answers import Scene

CROWD = [0.0, 0.01, 0.02, 0.03]

WRONG = [
    ("loads-in-time", Scene([*CROWD, 1.5], load=0.5, write=0.2)),
    ("loads-in-time", Scene([*CROWD, 1.5], load=1.9, write=1.0)),
    ("too-few", Scene([0.0, 0.01, 1.5], load=2.5, write=1.0)),
    ("spread-out", Scene([0.0, 0.2, 0.4, 0.6, 1.5], load=2.9, write=1.0)),
    ("nobody-asks", Scene(CROWD, load=2.5, write=1.0)),
    ("nobody-asks", Scene([*CROWD, 0.9], load=2.5, write=1.0)),
    ("written-too-late", Scene([*CROWD, 5.0], load=2.5, write=4.0)),
    ("written-too-early", Scene([*CROWD, 5.0], load=2.5, write=0.0)),
]
