"""Readers that come at any moment: for exercises in which something is deleted, and must not come back old."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from course_lib.explore import Session, Simulation
from course_lib.grading.key_log import KeyLog


class Readers(KeyLog):
    """Readers are there at any moment: whatever a command deletes, they load and store again at once; under odd seeds,
    a second later.

    `rows` is the database, by key. `stored` has what writers put under a key themselves: (when, key, text).
    """

    def __init__(self, world: Simulation, rows: Mapping[str, str], refuses: Collection[int], error: str) -> None:
        super().__init__(world, rows, refuses, error)
        self.rows, self.stored = rows, list[tuple[float, str, str]]()
        self.late = world.seed % 2 == 1

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if self._looking or not changed:
            return
        before = {key: states[-1].text for key, states in self.states.items()}
        for key, now in self.note(self.keys).items():
            if now.text is None:  # one that was not there was not deleted
                if before[key] is not None and self.late:
                    self.world.at(now.when + 1.0, self.read, key)
                elif before[key] is not None:
                    self.read(key)
            elif now.text != before[key]:
                self.stored.append((now.when, key, now.text))
        self.find_strays()

    def read(self, key: str, *, forever: bool = False) -> None:
        """A reader misses, loads and stores, for a minute or without an end."""
        self.command("SET", key, self.rows[key], *(() if forever else ("PX", "60000")))
        self.note([key])
