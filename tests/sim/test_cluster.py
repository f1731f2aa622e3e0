"""A simulated Cluster: which keys of a command count, which may go together, and where the others are."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ClusterCrossSlotError, MovedError, ResponseError

from course_lib.sim.cluster import cluster, owner, redis_for, share_slots, slot_of


def said(*command: Any, node: int) -> Any:
    world = cluster()
    share_slots(world)

    async def asks(redis: Any) -> Any:
        try:
            return await redis.execute_command(*command)
        except ResponseError as error:
            return type(error)

    world.client("a", asks, world.redis(node))
    return world.run()["a"]


@pytest.mark.parametrize("name", ["RENAME", "COPY", "SMOVE", "rename"])
def test_two_keys_must_lie_in_one_slot(name: str) -> None:
    rest = ["m"] if name == "SMOVE" else []
    assert said(name, "{a}1", "{b}2", *rest, node=owner(slot_of("a"))) == ClusterCrossSlotError
    assert said(name, "{a}1", "{a}2", *rest, node=owner(slot_of("a"))) != ClusterCrossSlotError


@pytest.mark.parametrize("name", ["DEL", "EXISTS", "MGET", "SUNION", "UNLINK", "SUNIONSTORE"])
def test_all_keys_must_lie_in_one_slot(name: str) -> None:
    assert said(name, "{a}1", "{a}2", "{b}3", node=owner(slot_of("a"))) == ClusterCrossSlotError
    assert said(name, "{a}1", "{a}2", "{a}3", node=owner(slot_of("a"))) != ClusterCrossSlotError


def test_what_follows_a_key_is_no_key() -> None:
    assert said("SET", "{a}1", "b", node=owner(slot_of("a"))) in ("OK", True)


@pytest.mark.parametrize("key", ["a", "b", "k", "foo"])
def test_each_key_has_one_node_and_the_others_say_where(key: str) -> None:
    told = {said("SET", key, "v", node=node) in ("OK", True): node for node in range(3)}
    assert told[True] == owner(slot_of(key))
    assert said("GET", key, node=told[False]) == MovedError
    world = cluster()
    share_slots(world)
    world.client("a", lambda redis: redis.set(key, 1), redis_for(world, key))
    assert world.run() == {"a": True}


def test_the_slots_are_shared_in_thirds() -> None:
    assert [owner(slot) for slot in (0, 5_460, 5_461, 10_922, 10_923, 16_383)] == [0, 0, 1, 1, 2, 2]
    assert said("PING", node=2) in ("PONG", True)
