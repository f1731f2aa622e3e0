"""However the Python process that started a server ends, the server and its folder go with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from course_lib.servers import Found, Server, find_all
from course_lib.servers.ports import free_port

from .observing import (
    ROOT,
    kill,
    listens,
    ping,
    processes_that_mention,
    python,
    runs,
    said_by,
    wait_until,
    wait_until_gone,
)

START = """
import ctypes, json, os, signal, subprocess, sys, threading, time
from pathlib import Path
from course_lib.servers import Found, Server, guarded
server = Server(Found(Path(sys.argv[1]), "Redis", "7", "given")).start()
def say(**more):
    ids = {"pid": server.pid, "guard": server._process.guard_pid}
    print(json.dumps({**ids, "port": server.port, "directory": str(server.directory), **more}), flush=True)
"""
SAY_AND_WAIT = START + "say(); sys.stdin.read()"


def assert_all_gone(said: dict[str, int | str]) -> None:
    wait_until_gone(int(said["pid"]), int(said["guard"]))
    assert not Path(str(said["directory"])).exists()
    assert not listens(int(said["port"]))


def test_kill_minus_9_takes_the_server_and_its_folder(found: Found) -> None:
    with python(SAY_AND_WAIT, str(found.path)) as parent:
        said = said_by(parent)
        assert runs(said["pid"])
        assert Path(said["directory"]).is_dir()
        kill(parent)
        assert_all_gone(said)


def test_without_a_guard_a_server_outlives_its_parent(found: Found, tmp_path: Path) -> None:
    """The control: the same kill -9, and a server that was started in the plain way stays."""
    port = free_port()
    script = (
        "import json, subprocess, sys\n"
        f"command = [sys.argv[1], '--port', '{port}', '--bind', '127.0.0.1', '--save', '']\n"
        "child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)\n"
        "print(json.dumps({'pid': child.pid}), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with python(script, str(found.path), cwd=tmp_path) as parent:
        pid = said_by(parent)["pid"]
        try:
            wait_until(lambda: listens(port), "the server listens")
            kill(parent)
            assert runs(pid)
            assert listens(port)
        finally:
            os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)


@pytest.mark.parametrize(
    "ending",
    [
        "pass",
        "sys.exit(3)",
        "1 / 0",
        "os._exit(0)",
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGHUP)",
        "os.execv('/bin/cat', ['cat'])",
        "server.pause(); os._exit(0)",
        "server.kill(); os._exit(0)",
    ],
)
def test_every_ending_takes_the_server_and_its_folder(found: Found, ending: str) -> None:
    with python(f"{START}say(); {ending}", str(found.path), stderr=subprocess.DEVNULL) as parent:
        assert_all_gone({"pid": 0, **said_by(parent)})


@pytest.mark.parametrize(
    "fork",
    ["os.fork()", "ctypes.CDLL(None).fork()"],
    ids=["a fork by Python", "a fork that Python knows nothing of"],
)
def test_a_fork_that_lives_on_does_not_keep_the_server(found: Found, fork: str) -> None:
    """It has inherited the socket whose end of file tells the guard that its parent is gone."""
    script = f"{START}fork = {fork}\nif fork:\n    say(fork=fork)\nsys.stdin.read()"
    with python(script, str(found.path)) as parent:
        said = said_by(parent)
        kill(parent)
        assert_all_gone(said)
        assert runs(said["fork"])
    wait_until_gone(said["fork"])


def test_a_fork_that_exits_leaves_the_server_to_its_parent(found: Found) -> None:
    """With all that a Python process does at its exit."""
    script = f"{START}fork = os.fork()\nif not fork:\n    sys.exit(0)\nos.waitpid(fork, 0); say(); sys.stdin.read()"
    with python(script, str(found.path)) as parent:
        said = said_by(parent)
        assert runs(said["pid"])
        assert listens(said["port"])
        kill(parent)
        assert_all_gone(said)


def test_a_worker_and_what_it_started_go_with_the_parent(found: Found) -> None:
    script = (
        f"{START}"
        "child = 'import time; time.sleep(600)'\n"
        "code = 'import subprocess as s, sys; p = s.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()'\n"
        "worker = guarded([sys.executable, '-c', code, sys.executable, '-c', child])\n"
        "say(worker=worker.pid, child=int(worker.stdout.readline())); sys.stdin.read()\n"
    )
    with python(script, str(found.path)) as parent:
        said = said_by(parent)
        assert runs(said["worker"])
        assert runs(said["child"])
        kill(parent)
        assert_all_gone(said)
        wait_until_gone(said["worker"], said["child"])


def test_an_interrupt_of_the_whole_process_group_does_not_reach_the_server(found: Found) -> None:
    """What Ctrl-C in a terminal does, and the stop button of a notebook."""
    script = f"{START}try:\n    say()\n    sys.stdin.read()\nexcept KeyboardInterrupt:\n    say()\nsys.stdin.read()"
    with python(script, str(found.path)) as parent:
        said = said_by(parent)
        assert parent.pid not in {os.getpgid(said["pid"]), os.getpgid(said["guard"]), os.getsid(said["guard"])}
        os.killpg(parent.pid, signal.SIGINT)
        assert said_by(parent) == said
        assert listens(said["port"])
        kill(parent)
        assert_all_gone(said)


# -- at any moment ----------------------------------------------------------------------------------------------------

LOOP = """
import json, sys
from pathlib import Path
from course_lib.servers import Found, Server
server = Server(Found(Path(sys.argv[1]), "Redis", "7", "given"))
kept = None
try:
    print(json.dumps({}), flush=True)
    while True:
        server.start()
        server.stop()
except KeyboardInterrupt as error:
    kept = error  # as a notebook keeps the last error, and with it every local variable on its way
    server.stop()
print(json.dumps({}), flush=True)
sys.stdin.read()
"""
MOMENTS = [moment * 7 for moment in range(10)]  # ms after the first start began; a start and a stop take 50 to 80


def strike(parent: subprocess.Popen[str], moment: int, number: int) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        parent.wait(moment / 1000)  # the delay chooses where the signal strikes; it proves nothing
    parent.send_signal(number)


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_minus_9_at_any_moment_leaves_nothing(found: Found, temporary: Path, moment: int) -> None:
    with python(LOOP, str(found.path)) as parent:
        said_by(parent)
        strike(parent, moment, signal.SIGKILL)
        wait_until(lambda: not processes_that_mention(str(temporary)), "no guard and no server is left")
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("moment", MOMENTS[::2])
def test_an_interrupt_at_any_moment_leaves_nothing(found: Found, temporary: Path, moment: int) -> None:
    with python(LOOP, str(found.path)) as parent:
        said_by(parent)
        strike(parent, moment, signal.SIGINT)
        said_by(parent)
        wait_until(lambda: not processes_that_mention(str(temporary)), "no guard and no server is left")
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("found", find_all()[:1], indirect=True, ids=lambda _: "any server")
@pytest.mark.parametrize("verb", ["start", "stop"])
def test_an_interrupt_at_any_line_leaves_nothing(found: Found, temporary: Path, verb: str) -> None:
    """Every line of course_lib/servers that the call comes to is interrupted in turn.

    A few lines are reached by chance: where a port that was drawn is taken, or a server needs a moment more.
    """
    lines = lines_of(found, verb)
    reached = 0
    for line in lines:
        server = Server(found)
        if verb == "stop":
            server.start()
        kept = interrupt(getattr(server, verb), line)  # while the server stops, too
        server.stop()
        reached += isinstance(kept, KeyboardInterrupt)
        wait_until(lambda: not processes_that_mention(str(temporary)), f"nothing runs after an interrupt at {line}")
        assert list(temporary.iterdir()) == [], line
    assert reached > max(20, 0.8 * len(lines))


Line = tuple[str, int]
SOURCES = ROOT / "course_lib" / "servers"


def lines_of(found: Found, verb: str) -> list[Line]:
    seen: dict[Line, None] = {}
    server = Server(found)
    if verb == "stop":
        server.start()
    trace(getattr(server, verb), seen.setdefault)
    server.stop()
    return list(seen)


def interrupt(call: Callable[[], object], at: Line) -> BaseException | None:
    """What comes out of a call that is interrupted at the first arrival at a line; as a notebook would, it is kept."""

    def strike_at(line: Line) -> None:
        if line == at:
            sys.settrace(None)
            raise KeyboardInterrupt

    try:
        trace(call, strike_at)
    except KeyboardInterrupt as error:
        return error
    return None


def trace(call: Callable[[], object], on_line: Callable[[Line], object]) -> None:
    def tracer(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        path = Path(frame.f_code.co_filename)
        if path.parent != SOURCES:
            return None
        if event == "line":
            on_line((path.name, frame.f_lineno))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    finally:
        sys.settrace(before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent's life")
def test_a_server_dies_with_its_guard_and_can_be_started_again(server: Server) -> None:
    assert server.pid is not None
    assert server._process is not None
    pid, port = server.pid, server.port
    os.kill(server._process.guard_pid, signal.SIGKILL)
    wait_until_gone(pid)
    wait_until(lambda: not server.is_alive(), "the loss is noticed")
    wait_until(lambda: not listens(port), "nobody listens on its port")
    server.stop()
    assert not server.directory.exists()
    assert ping(server.start())
