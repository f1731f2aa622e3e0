"""When each process of 01.3 is handed which event, and what the events are called."""

from __future__ import annotations

PLAN = {"c1": [(0.01, 0), (0.15, 1)], "c2": [(0.155, 1), (0.3, 2)]}
"""When each process is handed which event. The second one is handed to both, as an event that is delivered again."""
MANY = 100
"""Events, of which no two count as one."""
AGAIN = {
    "c1": [
        *[(0.01, 0), (1.5, 0), (1.6, 1)],
        *[(2.0 + number, number) for number in range(3, MANY)],
        *[(3_500.0, 0), (3_560.0, 2), (3_790.0, 2)],
    ],
    "c2": [(0.012, 0), (70.0, 1), (3_400.0, 2), (3_595.0, 0), (3_780.0, 2)],
}
"""Events that are handed in again and again, within the hour of the contract, and many others in between."""
HURRY = {"c1": [(0.01, 0)], "c2": [(0.1, 0)]}
"""One event, in two processes whose patience is shorter than it takes to notice a lost reply."""
DEAD, BACK = 3, 4
"""Two runs in which nobody follows the primary: in one it is dead, in the other it comes back as it was. One event has
been confirmed before, and is handed in again while no replica can be reached."""
CONFIRMED = {"c1": [(0.01, 0)], "c2": [(0.2, 0)]}
NAMES = [("e1", "e2", "e3"), ("E1", "e1", "e11"), ("shop:42", "shop:4", "shop:42:1"), ("{7}", "{7}7", "7"),
         ("2026-11-23 07:00", "2026-11-23 08:00", "zoë"), (" e", "e", "e "),
         *[tuple(f"shop:visits:2026-11-23 07:00:0{second}" for second in "123")]]  # fmt: skip
