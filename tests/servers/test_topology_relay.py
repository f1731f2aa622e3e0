"""The relay before each node: it tells nodes from clients by their first words, and freezes what is cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from course_lib.errors import ServerFailed
from course_lib.servers import Found, Server
from course_lib.servers.ask import ask, ask_all
from course_lib.servers.ports import free_port
from course_lib.servers.relay.control import RelayControl
from course_lib.servers.relay.relay import CLIENT, ENOUGH, Relay, source_of
from course_lib.servers.resp import Refusal, decoded, encoded

from .observing import listens, wait_until

PING, REPLICA = encoded(["PING"]), encoded(["REPLCONF", "listening-port", "17002"])
SENTINEL = encoded(["CLIENT", "SETNAME", "sentinel-00017021-cmd"])
MINE = 12_345  # a node's port


@pytest.mark.parametrize(
    ("head", "source"),
    [
        (b"", None),
        (PING, None),
        (PING + encoded(["AUTH", "user", "secret"]) + REPLICA, 17002),
        (encoded(["replconf", "capa", "eof"]) + REPLICA, 17002),
        (SENTINEL + PING, 17021),
        (encoded(["CLIENT", "SETNAME", "sentinel-fan"]), CLIENT),
        (encoded(["CLIENT", "SETNAME"]), CLIENT),
        (encoded(["SET", "REPLCONF listening-port 17002", "x"]), CLIENT),
        (encoded(["HELLO", "3"]), CLIENT),
        (b"PING\r\n", CLIENT),
        (b"*x\r\n", CLIENT),
        (b"\x00\xff" * 9, CLIENT),
        (PING + b"*3\r\n$3\r\nSET\r\n$9999\r\n" + b"x" * ENOUGH, CLIENT),
    ],
)
def test_who_opens_a_connection_is_known_by_its_first_words(head: bytes, source: int | None) -> None:
    assert source_of(head, bus=False) == source


@pytest.mark.parametrize(("whole", "source"), [(PING + REPLICA, 17002), (SENTINEL, 17021)])
def test_first_words_may_come_torn(whole: bytes, source: int) -> None:
    """No beginning of them is mistaken for a client's."""
    seen = [source_of(whole[:end], bus=False) for end in range(4, len(whole) + 1)]
    assert seen[-1] == source
    assert set(seen[:-1]) == {None}


def test_a_bus_connection_is_known_by_the_port_in_its_first_packet() -> None:
    packet = b"RCmb" + (2256).to_bytes(4, "big") + (1).to_bytes(2, "big") + (17101).to_bytes(2, "big") + bytes(2244)
    assert source_of(packet, bus=True) == 17101
    assert source_of(packet[:11], bus=True) is None


@contextmanager
def relayed(server: Server) -> Iterator[tuple[RelayControl, int]]:
    relays = RelayControl()
    relays.start()
    try:
        port = relays.listen(free_port)
        relays.route(port, server.port)
        yield relays, port
    finally:
        relays.stop()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        yield connection


def said(connection: socket.socket, *words: str) -> Any:
    connection.sendall(encoded(words))
    return decoded(connection.recv(65_536))


def test_a_cut_freezes_nodes_and_lets_clients_pass(server: Server) -> None:
    """New connections as well as open ones; and what was sent meanwhile arrives when it is healed, once."""
    with relayed(server) as (relays, port), connected(port) as replica, connected(port) as client:
        assert said(replica, "REPLCONF", "listening-port", str(MINE)) == "OK"
        relays.cut(MINE)
        replica.sendall(encoded(["RPUSH", "from-replica", "x"]))
        with connected(port) as late:
            assert said(late, "PING") == "PONG"
            late.sendall(encoded(["REPLCONF", "listening-port", str(MINE)]) + encoded(["RPUSH", "from-replica", "y"]))
            for n in range(100):
                assert said(client, "RPUSH", "from-client", "x") == n + 1
            assert said(client, "LLEN", "from-replica") == 0
            relays.heal(MINE)
            wait_until(lambda: said(client, "LLEN", "from-replica") == 2, "what waited has arrived")
            assert sorted(said(client, "LRANGE", "from-replica", "0", "-1")) == ["x", "y"]
        assert decoded(replica.recv(100)) in (1, 2)


def test_nothing_a_client_sends_ends_the_relay(server: Server) -> None:
    with relayed(server) as (_, port):
        for rubbish in (
            b"*9999999\r\n",
            b"*-1\r\n",
            b"*2\r\n$-5\r\nx",
            b"\r\n\r\n",
            encoded(["REPLCONF", "listening-port", "x"]),
        ):
            with connected(port) as rude:
                rude.sendall(rubbish)
                rude.shutdown(socket.SHUT_WR)
        large = "x" * 3_000_000
        assert ask(port, "SET", "large", large) == "OK"
        assert ask(port, "GET", "large") == large


def test_a_server_that_is_down_is_no_connection(server: Server) -> None:
    with relayed(server) as (_, port):
        server.kill()
        with connected(port) as client:
            client.sendall(PING)
            with pytest.raises((ConnectionError, EOFError)):  # reset or closed, at once
                raise EOFError if client.recv(10) == b"" else AssertionError


def test_a_relay_that_is_gone_says_so(server: Server) -> None:
    with relayed(server) as (relays, port):
        assert relays._process is not None
        relays._process.kill()
        with pytest.raises(ServerFailed, match="relay is gone"):
            relays.cut(1)
        assert not listens(port)


def test_a_connection_to_a_port_that_is_given_up_in_the_same_round_does_not_end_the_relay() -> None:
    """The order to close and the connection can be ready at once; then the order may be obeyed first."""
    relay, port = Relay(), free_port()
    assert relay.on_listen(str(port), str(port), str(port), "node") is None
    relay.on_close(str(port))
    relay.accept(port)
    assert relay.pairs == set()
    relay.selector.close()


def test_a_port_that_is_taken_is_passed_over(server: Server) -> None:
    with relayed(server) as (relays, port):
        choices = iter([server.port, port, wanted := free_port()])
        assert relays.listen(lambda: next(choices)) == wanted


def test_whoever_does_not_answer_is_left_out(found: Found) -> None:
    with Server(found) as lively, Server(found) as stuck, Server(found) as dead:
        stuck.pause()
        dead.kill()
        answers = ask_all({s.port: [("PING",), ("GET",)] for s in (lively, stuck, dead)}, within=1.0)
        assert answers == {lively.port: ["PONG", "ERR wrong number of arguments for 'get' command"]}
        assert isinstance(answers[lively.port][1], Refusal)
        with pytest.raises(ServerFailed, match="did not answer PING within"):
            ask(stuck.port, "PING", within=0.1)
        with pytest.raises(ServerFailed, match="refused GET: ERR wrong number"):
            ask(lively.port, "GET")
