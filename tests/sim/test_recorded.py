"""The simulated server answers as a Redis 7.0 has answered: exchanges, and random sequences of commands."""

from __future__ import annotations

import pytest
from worlds.recorded import RECORDED, commands_of
from worlds.replies import compared, refused, same

COMMANDS = commands_of()


@pytest.mark.parametrize("title", COMMANDS)
def test_it_answers_as_a_real_server_has_answered(title: str) -> None:
    for command, reply, real in compared(COMMANDS[title], RECORDED[title]):
        assert same(command, reply, real) or refused(reply), (command, reply, real)
