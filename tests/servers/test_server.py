"""One server as a local process: up, reachable from here only, and gone without a trace."""

from __future__ import annotations

import gc
import re
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from thorough import THOROUGH

from course_lib.errors import ServerFailed
from course_lib.servers import Found, Server
from course_lib.servers.ports import free_port

from .observing import client, listens, ping, processes_that_mention, runs, wait_until


def assert_nothing_left(port: int, directory: Path, *pids: int | None) -> None:
    assert not listens(port)
    assert not directory.exists()
    assert not [pid for pid in pids if pid is not None and psutil.pid_exists(pid)]
    assert processes_that_mention(str(directory)) == []


# -- up ---------------------------------------------------------------------------------------------------------------


def test_a_started_server_answers(server: Server) -> None:
    with client(server.url) as connection:
        assert connection.ping()
        assert connection.info("server")["process_id"] == server.pid
        assert connection.config_get("dir")["dir"] == str(server.directory.resolve())


def test_a_server_listens_on_127_0_0_1_and_nowhere_else(server: Server) -> None:
    process = psutil.Process(server.pid)
    assert {(c.laddr.ip, c.laddr.port) for c in process.net_connections("all") if c.status == psutil.CONN_LISTEN} == {
        ("127.0.0.1", server.port)
    }


def test_two_servers_share_neither_port_nor_data(found: Found) -> None:
    with Server(found) as one, Server(found) as other, client(one.url) as first, client(other.url) as second:
        assert one.port != other.port
        assert one.directory != other.directory
        first.set("page", "one")
        assert second.get("page") is None


def test_a_server_keeps_nothing_on_disk_unless_asked(server: Server) -> None:
    with client(server.url) as connection:
        assert connection.config_get("save")["save"] == ""
        assert connection.config_get("appendonly")["appendonly"] == "no"


def test_settings_reach_the_server(found: Found) -> None:
    settings = {"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru"}
    with Server(found, config=settings) as server, client(server.url) as connection:
        assert connection.config_get("maxmemory")["maxmemory"] == str(10 * 1024 * 1024)
        assert connection.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"


def test_a_password_is_part_of_the_url(found: Found) -> None:
    with Server(found, config={"requirepass": "a/b:c"}) as server:
        assert ping(server)
        with client(f"redis://127.0.0.1:{server.port}/0") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


@pytest.mark.parametrize("key", ["port", "bind", "Daemonize", "dir", "logfile"])
def test_what_the_server_promises_cannot_be_configured_away(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is set by Server itself"):
        Server(config={key: "1"})


@pytest.mark.parametrize("config", [{"save": "\nbind 0.0.0.0"}, {"save\nbind": "0.0.0.0"}, {" ": ""}])
def test_a_setting_is_one_line(config: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a setting is one line"):
        Server(config=config)


def test_starting_twice_is_starting_once(server: Server) -> None:
    pid = server.pid
    assert server.start() is server
    assert server.pid == pid


def test_a_server_started_by_a_thread_outlives_the_thread(found: Found) -> None:
    """Linux can tie a process to the thread that started it; the guard is not tied so."""
    server = Server(found)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    with server:
        assert ping(server)


def test_its_text_is_one_line_that_says_what_runs_where(found: Found) -> None:
    server = Server(found, name="cache")
    assert repr(server) == f"<Server cache: {found}, not running>"
    with server:
        assert repr(server) == f"<Server cache: {found}, running at {server.url}, pid {server.pid}>"


def test_a_server_that_was_never_started_has_no_url(found: Found) -> None:
    with pytest.raises(ServerFailed, match="no address yet"):
        _ = Server(found).url


# -- gone -------------------------------------------------------------------------------------------------------------


def test_stop_leaves_no_process_no_port_and_no_folder(found: Found) -> None:
    server = Server(found).start()
    pid = server.pid
    server.stop()
    assert_nothing_left(server.port, server.directory, pid)
    assert not server.is_alive()
    assert server.pid is None


def test_stop_may_come_twice_or_without_a_start(found: Found) -> None:
    server = Server(found)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.is_alive()


def test_an_error_in_the_with_block_stops_the_server(found: Found) -> None:
    server = Server(found)
    seen: list[int | None] = []

    def fail_inside() -> None:
        with server:
            seen.append(server.pid)
            raise KeyError("page")

    with pytest.raises(KeyError):
        fail_inside()
    assert_nothing_left(server.port, server.directory, *seen)


def test_a_server_that_nobody_holds_any_more_is_stopped(found: Found) -> None:
    server = Server(found).start()
    pid, port, directory = server.pid, server.port, server.directory
    del server
    gc.collect()
    assert_nothing_left(port, directory, pid)


def test_a_stopped_server_starts_again_empty(found: Found) -> None:
    server = Server(found)
    with server, client(server.url) as connection:
        connection.set("page", "old")
    with server, client(server.url) as connection:
        assert connection.get("page") is None


def test_many_starts_and_stops_leave_nothing(found: Found, temporary: Path) -> None:
    Server(found).start().stop()  # whatever is opened once and kept, is open now
    this = psutil.Process()
    descriptors, threads = this.num_fds(), this.num_threads()
    others = {child.pid for child in this.children(recursive=True)}  # of other tests in this process
    for _ in range(50 if THOROUGH else 10):
        with Server(found):
            pass
    assert (this.num_fds(), this.num_threads()) == (descriptors, threads)
    assert {child.pid for child in this.children(recursive=True)} <= others
    assert list(temporary.iterdir()) == []
    assert processes_that_mention(str(temporary)) == []  # so no port is held: others' servers may have it by now


# -- in trouble -------------------------------------------------------------------------------------------------------


def test_a_killed_server_is_dead_at_once_and_keeps_its_address(server: Server) -> None:
    pid, url = server.pid, server.url
    assert pid is not None
    server.kill()
    assert not server.is_alive()
    assert not runs(pid)
    assert not listens(server.port)
    assert server.url == url


@pytest.mark.parametrize("verb", ["restart", "start"])
def test_a_killed_server_comes_back_at_the_same_address(server: Server, verb: str) -> None:
    pid, url = server.pid, server.url
    server.kill()
    getattr(server, verb)()
    assert server.url == url
    assert server.pid != pid
    assert ping(server)


@pytest.mark.parametrize(("save", "kept"), [("3600 1", "old"), ("", None)])
def test_a_restart_keeps_what_was_saved_and_only_that(found: Found, save: str, kept: str | None) -> None:
    with Server(found, config={"save": save}) as server:
        with client(server.url) as connection:
            connection.set("page", "old")
        pid = server.pid
        server.restart()
        assert server.pid != pid
        with client(server.url) as connection:
            assert connection.get("page") == kept


def test_a_paused_server_answers_nobody_until_it_is_resumed(server: Server) -> None:
    server.pause()
    assert psutil.Process(server.pid).status() == psutil.STATUS_STOPPED
    assert server.is_alive()
    with client(server.url) as connection, pytest.raises(redis.TimeoutError):
        connection.ping()
    server.resume()
    assert ping(server)


def test_pausing_and_resuming_may_be_repeated(server: Server) -> None:
    for _ in range(5):
        server.pause()
        server.pause()
        assert psutil.Process(server.pid).status() == psutil.STATUS_STOPPED
        server.resume()
        server.resume()
    assert ping(server)


@pytest.mark.parametrize("verb", ["stop", "kill", "restart"])
def test_a_paused_server_can_be_ended(found: Found, verb: str) -> None:
    with Server(found) as server:
        pid = server.pid
        assert pid is not None
        server.pause()
        getattr(server, verb)()
        assert not runs(pid)
        assert server.is_alive() == (verb == "restart")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_only_a_running_server_is_paused_or_resumed(found: Found, verb: str) -> None:
    with pytest.raises(ServerFailed, match="redis is not running"):
        getattr(Server(found), verb)()


def test_a_server_that_leaves_by_itself_is_noticed(server: Server) -> None:
    with client(server.url) as connection:
        connection.shutdown(nosave=True)
    wait_until(lambda: not server.is_alive(), "the server knows that its process has left")
    assert server.pid is None


# -- not up -----------------------------------------------------------------------------------------------------------


def test_a_bad_setting_shows_the_servers_own_words_and_leaves_nothing(found: Found, temporary: Path) -> None:
    server = Server(found, config={"no-such-setting": "1"})
    with pytest.raises(ServerFailed) as caught:
        server.start()
    assert str(found) in str(caught.value)
    assert "ended with status 1" in str(caught.value)
    assert re.search(r"'no-such-setting 1'\n.*Bad directive or wrong number of arguments", str(caught.value))
    assert list(temporary.iterdir()) == []
    assert processes_that_mention(str(temporary)) == []


def test_a_server_that_is_not_ready_in_time_is_ended(found: Found, temporary: Path) -> None:
    with pytest.raises(ServerFailed, match=r"did not answer PING within 0 s"):
        Server(found, ready_within=0.0).start()
    assert list(temporary.iterdir()) == []
    assert processes_that_mention(str(temporary)) == []


def test_a_binary_that_is_gone_is_named(found: Found, temporary: Path) -> None:
    """It was there when it was looked up."""
    gone = Found(temporary / "gone", found.flavor, found.version, "on PATH")
    with pytest.raises(ServerFailed, match=r"could not be started: .*No such file or directory: '.*/gone'"):
        Server(gone).start()
    assert list(temporary.iterdir()) == []


def test_a_missing_temporary_folder_is_named(found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(ServerFailed, match=r"could not be started: .*/nowhere/course-redis"):
        Server(found).start()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_taken_after_the_choice_is_given_up_for_another(found: Found, taken: int) -> None:
    chosen: list[int] = []

    def choose() -> int:
        chosen.append(free_port() if chosen else taken)
        return chosen[-1]

    with Server(found, choose_port=choose) as server:
        assert server.port == chosen[-1] != taken
        assert ping(server)


def test_another_server_on_the_port_is_not_taken_for_ours(found: Found, server: Server) -> None:
    """It answers PING as ours would; only its process id tells them apart."""
    choices = iter([server.port, free_port()])
    with Server(found, choose_port=lambda: next(choices)) as second:
        assert second.port != server.port
        with client(second.url) as connection:
            assert connection.info("server")["process_id"] == second.pid


def test_when_every_port_is_taken_the_error_says_so(found: Found, taken: int) -> None:
    with pytest.raises(ServerFailed, match="Address already in use"):
        Server(found, choose_port=lambda: taken).start()


def test_a_free_port_is_one_that_nobody_listens_on(taken: int) -> None:
    """The control for the tests above: the chooser sees a listener, so only a race needs the retry."""
    from course_lib.servers import ports

    assert not ports._can_bind("127.0.0.1", taken)
    assert free_port() in ports.PORTS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux makes every 127.x.y.z an address of this machine")
def test_no_other_local_address_reaches_the_server(server: Server) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=1).close()
