"""A student's code in every sandbox, as badly behaved as it can be. The control: the same code without any of them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.grading.sandbox.limits import MIB, Quota

from .layers import HIDDEN, HOSTILE, LAYERS, NOTHING, ROOT, Layer, new_token
from .test_kill import processes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux only: elsewhere the probe tries the system's own sandbox"
)

READS = (
    *("read a system file", "read a home", "read another student's folder", "read a solution", "read a judge"),
    *("read a test", "list another student's folder"),
)
OF_OTHERS = ("read another process's environment", "list the processes", "read the runner's memory")
WRITES = (
    *("make a file in /tmp", "make a file in /dev/shm", "make a file beside its source", "change its own source"),
    *("touch its own source", "make a folder"),
)
CHANNELS = (
    *("make a file in memory", "share memory by System V", "leave a key in the kernel", "open an io_uring", "listen"),
    *("lock a file", "lock a part of a file", "watch a file"),
    "send to 127.0.0.1",
)
NETWORK = (*("connect to 127.0.0.1", "connect to an abstract socket", "connect to a socket in a folder"),)
PROCESSES = ("fork", "start a thread", "start a program")
SIGNALS = (
    *("signal the runner", "signal everybody", "kill another process", "let the kernel signal the runner"),
    "let a socket signal the runner",
    *("trace the runner", "limit the runner", "slow the runner down", "leave the process group"),
)
PRIVILEGES = ("become root", "become root of a namespace", "raise its limits")
AMOUNTS = ("open 200 files", "use 1 GiB of memory", "map 1 GiB of memory")
ALL = (*READS, *OF_OTHERS, *WRITES, *CHANNELS, *NETWORK, *PROCESSES, *SIGNALS, *PRIVILEGES, *AMOUNTS)

REFUSED: dict[str, tuple[str, ...]] = {
    "bubblewrap": ALL,
    "Landlock": ALL,
    "no sandbox (--unsafe)": tuple(deed for deed in ALL if deed not in (*READS, *OF_OTHERS[:2])),
    # What each layer does alone: a hole in one is not yet a hole in all.
    "bubblewrap without libseccomp": (
        *(*READS, *OF_OTHERS[:2], *WRITES, *NETWORK, *PROCESSES, "kill another process"),
        *("become root", "raise its limits", *AMOUNTS),
    ),
    "no sandbox (--unsafe) without libseccomp": (*PROCESSES, "become root", "raise its limits", *AMOUNTS),
}
# What not every user may do anywhere, or not on every system: there the control says nothing.
MORE_THAN_ROOT = {"raise its limits"}  # a container's root may not
MORE_THAN_A_USER = {
    *("become root", "raise its limits", "trace the runner", "read the runner's memory", "open an io_uring"),
    "become root of a namespace",
}


class Surroundings:
    """What there is to read, to connect to and to kill, made for these tests and gone after them."""

    def __enter__(self) -> Surroundings:
        self._ends = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-"))
        self._ends.callback(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        for name in ("home", "student"):
            (self.folder / name).mkdir()
            (self.folder / name / "file").write_text("not for you", encoding="utf-8")
        self.victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"])
        self._ends.callback(self.victim.wait)
        self._ends.callback(self.victim.kill)
        self.tcp = self._ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.udp = self._ends.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        self.udp.bind(("127.0.0.1", 0))
        self.named = self._ends.enter_context(socket.socket(socket.AF_UNIX))
        self.named.bind(str(self.folder / "socket"))
        self.named.listen()
        (self.folder / "socket").chmod(0o777)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def run(self, layer: Layer) -> dict[str, str]:
        """What became of each deed in that layer."""
        name = f"hostile-{secrets.token_hex(8)}"
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind("\0" + name)
            abstract.listen()
            ended = layer.run(self.given(name))
        for folder in ("/tmp", "/dev/shm", HOSTILE.parent):
            (Path(folder) / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            Path("/tmp", f"{name}-folder").rmdir()
        assert (ended.how, ended.code) == ("exited", 0), ended.output[-2000:]
        done: dict[str, str] = json.loads(ended.output)["done"]
        return done

    def given(self, name: str) -> dict[str, Any]:
        return {
            "a system file": "/etc/shadow" if os.geteuid() == 0 else "/etc/passwd",
            "a home": str(self.folder / "home/file"),
            "another student's folder": str(self.folder / "student/file"),
            "a solution": str(next(ROOT.glob("solutions/*.ipynb"))),
            "a judge": str(HIDDEN[0] / "words.toml"),
            "a test": str(ROOT / "tests/conftest.py"),
            **{"victim": self.victim.pid, "name": name, "unix": str(self.folder / "socket")},
            **{"port": self.tcp.getsockname()[1], "udp": self.udp.getsockname()[1]},
        }


@pytest.fixture(scope="module")
def surroundings() -> Iterator[Surroundings]:
    with Surroundings() as made:
        yield made


@pytest.fixture(scope="module")
def free(surroundings: Surroundings) -> dict[str, str]:
    return surroundings.run(NOTHING)


@pytest.fixture(scope="module", params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Layer:
    return LAYERS[request.param]


@pytest.fixture(scope="module")
def confined(layer: Layer, surroundings: Surroundings) -> dict[str, str]:
    return surroundings.run(layer)


def test_everything_can_be_done_without_a_sandbox(free: dict[str, str]) -> None:
    """The control: each deed works, so where it fails something has refused it."""
    excused = MORE_THAN_ROOT if os.geteuid() == 0 else MORE_THAN_A_USER
    if not os.access(HOSTILE, os.W_OK):  # somebody else's copy of the course
        excused = excused | {deed for deed in WRITES if "its" in deed}
    assert sorted(free) == sorted(ALL)
    assert {deed: said for deed, said in free.items() if said != "done" and deed not in excused} == {}


def test_what_a_layer_refuses(layer: Layer, confined: dict[str, str]) -> None:
    assert {deed: said for deed, said in confined.items() if said == "done" and deed in REFUSED[layer.name]} == {}


def test_without_a_sandbox_files_can_be_read(surroundings: Surroundings) -> None:
    """What the page for instructors says of --unsafe is no exaggeration."""
    confined = surroundings.run(LAYERS["no sandbox (--unsafe)"])
    readable = [deed for deed in READS if deed != "read a system file" or os.geteuid() != 0]
    assert {deed: confined[deed] for deed in readable} == dict.fromkeys(readable, "done")


WITH_SECCOMP = ["bubblewrap", "Landlock", "no sandbox (--unsafe)"]
NO_SUCH_RIGHT = "PermissionError [Errno 1] Operation not permitted"
ENDS = {
    "fork_bomb": f"{NO_SUCH_RIGHT}\nfork_bomb: 0\n",
    "threads_without_end": "RuntimeError can't start new thread\nthreads_without_end: 0\n",
    "clone3": "Function not implemented\nclone3: 0\n",
    "become_a_program": f"{NO_SUCH_RIGHT}\nbecome_a_program: 0\n",
    "daemon": f"{NO_SUCH_RIGHT}\ndaemon: 0\n",
    "kill_the_runner": f"{NO_SUCH_RIGHT}\nkill_the_runner: 0\n",
    "kill_everybody": f"{NO_SUCH_RIGHT}\nkill_everybody: 0\n",
    "fill_memory": "MemoryError \nfill_memory: 0\n",
    "crash": "crash: -11\n",
}


@pytest.mark.parametrize("name", WITH_SECCOMP)
def test_each_bad_deed_ends_the_child_that_did_it(name: str) -> None:
    """One after another, as the runner judges one exercise after another: it sees how each ends, and goes on."""
    layer, token = LAYERS[name], new_token()
    ended = layer.run({}, deeds=[*ENDS], limits=Quota(cpu=5, wall=30.0, memory=128 * MIB), token=token)
    assert ended.output.decode() == "".join(ENDS.values())
    assert (ended.how, ended.code) == ("exited", 0)
    assert processes(token) == []


@pytest.mark.parametrize(("deed", "how"), [("sleep", "wall"), ("close_and_sleep", "wall"), ("flood", "output")])
@pytest.mark.parametrize("name", WITH_SECCOMP)
def test_what_does_not_end_is_cut_off(name: str, deed: str, how: str) -> None:
    """By the clock on the wall, also where it has closed everything; or by how much it has written."""
    token, limits = new_token(), Quota(wall=0.7 if how == "wall" else 20.0, output=100_000)
    ended = LAYERS[name].run({}, deeds=[deed], limits=limits, token=token)
    assert ended.how == how
    assert len(ended.output) == (limits.output if how == "output" else 0)
    assert processes(token) == []


@pytest.mark.parametrize(("silent", "flag"), [(False, 1), (True, 0)])
@pytest.mark.parametrize("name", WITH_SECCOMP)
def test_a_silenced_child_tells_another_nothing_by_stdin(name: str, silent: bool, flag: int) -> None:
    """Not silenced, two children share what they inherited, and one sees the flag that the other has set."""
    layer = dataclasses.replace(LAYERS[name], silent=silent)
    ended = layer.run({}, deeds=["set_a_flag", "see_the_flag"])
    assert ended.output == f"set_a_flag: 0\nsee_the_flag: {flag}\n".encode()


def test_without_libseccomp_a_child_kills_no_more_than_its_own_runner() -> None:
    """In bubblewrap it sees no other process. The probe asks for libseccomp nevertheless."""
    layer, token = LAYERS["bubblewrap without libseccomp"], new_token()
    ended = layer.run({}, deeds=["become_a_program", "kill_everybody"], token=token)
    assert ended.output == b"another program\nbecome_a_program: 0\n"
    assert (ended.how, ended.code) == ("exited", 128 + 9)
    assert processes(token) == []


def test_computing_without_end_is_cut_off() -> None:
    """By SIGXCPU (24); where the code ignores that, by SIGKILL (9) a second later. The kernel does both."""
    ended = LAYERS["no sandbox (--unsafe)"].run({}, deeds=["spin", "spin_on"], limits=Quota(cpu=1, wall=60.0))
    assert (ended.how, ended.output) == ("exited", b"spin: -24\nspin_on: -9\n")


def test_recursion_without_end_ends_the_child_that_did_it() -> None:
    """Through C it ends in a crash, or for want of memory."""
    limits = Quota(cpu=5, wall=30.0, memory=100 * MIB)
    ended = LAYERS["no sandbox (--unsafe)"].run({}, deeds=["recurse", "clone3"], limits=limits)
    assert ended.how == "exited"
    assert ended.output.endswith(b"clone3: 0\n")  # the next child has its turn


@pytest.mark.parametrize("name", [*LAYERS, None])
def test_a_child_has_no_descriptors_but_those_that_it_was_given(name: str | None) -> None:
    """The pipe belongs to the grader, and was left open to children by mistake. The control gives it to the child."""
    reading, writing = os.pipe()
    try:
        os.set_inheritable(writing, True)
        os.set_blocking(reading, False)
        layer = LAYERS[name] if name else NOTHING
        argv = layer.argv({}, deeds=["write_to_strangers"])
        given = () if name else (writing,)
        ended = layer.make().run(argv, readable=layer.readable(), limits=Quota(), pass_fds=given)
        assert ended.code == 0, ended.output
        with contextlib.ExitStack() as stack:
            if name:
                stack.enter_context(pytest.raises(BlockingIOError))
            assert b"a word" in os.read(reading, 100)
    finally:
        os.close(reading)
        os.close(writing)
