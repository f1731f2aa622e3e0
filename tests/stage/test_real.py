"""The shop on real servers: what breaks in the simulation breaks there, and no process is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from course_lib.errors import NoServer
from course_lib.servers import find
from course_lib.stage.presses import Press, Scene
from course_lib.stage.real import Servers

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    try:
        find()
    except NoServer as error:
        pytest.skip(str(error))
    made = Servers()
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("letter", "what"),
    [("P", "gone"), ("H", "overwritten"), ("E", "loads at once"), ("C", "loads at once"), ("R", "stored twice")],
)
def test_it_breaks_on_real_servers_too(servers: Servers, letter: str, what: str) -> None:
    """All but the dead primary, which has usually replicated by then. The mended programs are the control."""
    usual, mended = (servers.play(Scene((Press(letter, 1200),), version)).account for version in (False, True))
    assert any(what in broken for broken in usual.broken), usual
    assert not any(what in broken for broken in mended.broken), mended


def test_the_servers_end(servers: Servers) -> None:
    servers.ready()
    pids = [servers.topology.pid(name) for name in servers.topology.names]
    assert all(pids)
    servers.stop()
    assert not servers.topology.is_running
