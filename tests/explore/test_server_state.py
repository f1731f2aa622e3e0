"""What a judge hears of a server when it asks: also of one to which nobody has connected."""

from __future__ import annotations

import pytest

from course_lib.explore.server_state import OF_AN_EMPTY_SERVER, ask
from course_lib.sim import Simulation


@pytest.mark.parametrize("command", [*OF_AN_EMPTY_SERVER, b"GET"])
def test_a_server_to_which_nobody_connected_answers_as_an_empty_one(command: bytes) -> None:
    """What the judges ask is not None where a server says a number: the same as of one that holds nothing."""
    world = Simulation()
    arguments = (command, b"*" if command == b"KEYS" else b"key")
    never = ask(world.nodes[0], *arguments)
    world.client("a", lambda redis: redis.ping(), world.redis())
    world.run()
    assert never == ask(world.nodes[0], *arguments)
