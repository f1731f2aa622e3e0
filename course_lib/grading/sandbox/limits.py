"""How much a student's code may use. Standard library only: the child imports it too."""

from __future__ import annotations

from dataclasses import dataclass, fields

from course_lib.errors import BadArgument

MIB = 1 << 20

RANGES: dict[str, tuple[float, float]] = {
    "cpu": (1, 3_600),
    "wall": (0.1, 7_200),
    "memory": (64 * MIB, 64 * 1024 * MIB),
    "output": (1_024, 1024 * MIB),
    "open_files": (8, 4_096),
}


@dataclass(frozen=True)
class Quota:
    """What one confined process may use. It may start no processes or threads at all.

    Units: cpu in whole seconds of computing, 1 to 3,600; wall in seconds of waiting, 0.1 to 7,200; memory in bytes of
    address space, 64 MiB to 64 GiB; output in bytes written to stdout and stderr, 1 KiB to 1 GiB; open_files as a
    count, 8 to 4,096.
    Raises: BadArgument for a value outside its range.
    Does not: bound what several confined processes use together; each has its own.
    """

    cpu: int = 10
    wall: float = 30.0
    memory: int = 512 * MIB
    output: int = MIB
    open_files: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = RANGES[field.name]
            whole = isinstance(value, int) or (field.name == "wall" and isinstance(value, float))
            if isinstance(value, bool) or not whole or not low <= value <= high:
                kind = "a number" if field.name == "wall" else "a whole number"
                raise BadArgument(f"{field.name} must be {kind} from {low:,} to {high:,}, and is {value!r}")
