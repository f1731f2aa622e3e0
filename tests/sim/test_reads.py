"""What a server holds, read without a command: every type, its first members, and what has expired."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.sim import Simulation, steady
from course_lib.sim.fake_server import EPOCH
from course_lib.sim.fake_server_reads import Held, held


def kept(*commands: tuple[Any, ...], at: float = 0.0, most: int = 2) -> list[Held]:
    world = Simulation(latency=steady(1e-6), version=(7, 4))

    async def fills(redis: Any) -> None:
        for command in commands:
            await redis.execute_command(*command)

    world.client("a", fills, world.redis())
    world.run()
    world.nodes[0].skew = at
    return list(held(world.nodes[0], most))


@pytest.mark.parametrize(
    ("commands", "kind", "content", "size"),
    [
        ([("SET", "k", "value")], "string", b"value", 5),
        ([("RPUSH", "k", "b", "a", "c")], "list", (b"b", b"a"), 3),
        ([("ZADD", "k", 3, "a", 1, "b", 2, "c")], "zset", ((b"b", 1.0), (b"c", 2.0)), 3),
        ([("HSET", "k", "f", "1", "g", "2", "h", "3")], "hash", ((b"f", b"1"), (b"g", b"2")), 3),
        ([("SADD", "k", "c", "a", "b")], "set", (b"a", b"b"), 3),
        (
            [("XADD", "k", f"{n}-0", "f", f"{n}") for n in (1, 2, 3)],
            "stream",
            ((b"1-0", (b"f", b"1")), (b"2-0", (b"f", b"2"))),
            3,
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_each_type_shows_its_first_members_and_how_many_there_are(
    commands: list[Any], kind: str, content: Any, size: int
) -> None:
    assert kept(*commands) == [Held(0, b"k", kind, content, size, None)]


def test_another_type_is_named_without_what_it_holds() -> None:
    (one,) = kept(("XADD", "s", "1-0", "a", "b"), ("SET", "k", "v"))[1:]
    assert (one.key, one.kind) == (b"k", "string")


def test_what_has_expired_is_not_there() -> None:
    commands = [("SET", "k", 1, "PX", 500), ("SET", "l", 2)]
    assert [one.key for one in kept(*commands)] == [b"k", b"l"]
    assert [one.ends for one in kept(*commands)] == [pytest.approx(EPOCH + 0.5, abs=0.01), None]
    assert [one.key for one in kept(*commands, at=0.6)] == [b"l"]


def test_a_field_that_has_expired_is_not_there() -> None:
    commands = [("HSET", "h", "f", 1, "g", 2), ("HPEXPIRE", "h", 500, "FIELDS", 1, "f")]
    assert [one.size for one in kept(*commands)] == [2]
    assert [(one.content, one.size) for one in kept(*commands, at=0.6)] == [(((b"g", b"2"),), 1)]


def test_each_database_is_told_apart() -> None:
    assert [(one.db, one.key) for one in kept(("SET", "a", 1), ("SELECT", 3), ("SET", "b", 2))] == [
        (0, b"a"), (3, b"b"),
    ]  # fmt: skip
