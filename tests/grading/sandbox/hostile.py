"""A runner, as the grader starts one, whose forked child behaves as badly as it can. Runs inside every sandbox.

    python -I hostile.py COURSE '{"free": false, "seccomp": true, "limits": {…}, "deeds": ["fork_bomb"], …}' TOKEN

The child prints which of the deeds it could do, as JSON. TOKEN only makes its processes easy to find.
"""

from __future__ import annotations

import _thread
import ctypes
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType

COURSE, GIVEN = sys.argv[1], json.loads(sys.argv[2])
THERE = ctypes.create_string_buffer(8)  # at the same place in the runner and in its forked child
LIBC = ctypes.CDLL(None, use_errno=True)
ADD_KEY = {"x86_64": 248, "aarch64": 217}.get(platform.machine())
IO_URING_SETUP, CLONE3, USER_KEYRING, CLONE_NEWUSER = 425, 435, -4, 0x10000000


def bring() -> None:
    """The course's sandbox package, without the folder above it and without the rest of the course."""
    for name in ("course_lib", "course_lib.grading", "course_lib.grading.sandbox"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [os.path.join(COURSE, *name.split(".")[1:])]


def content(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(200).decode(errors="replace")


def make_file(path: str) -> bool:
    with open(path, "w"):
        return True


def connect(family: int, address: object, kind: int = socket.SOCK_STREAM) -> bool:
    with socket.socket(family, kind) as one:
        one.settimeout(2)
        one.connect(address)  # type: ignore[arg-type]
        return one.send(b"x") == 1


def fork() -> bool:
    if (pid := os.fork()) == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[0] == pid


def in_fork(deed: Callable[[], object]) -> bool:
    """For a deed that changes the process for good: free, it happens in a process of its own; confined, right here."""
    if not GIVEN["free"]:
        return bool(deed())
    if (pid := os.fork()) == 0:
        try:
            os._exit(0 if deed() else 1)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def call(function: str, *arguments: object) -> bool:
    """A function of the C library; -1 is a failure."""
    if getattr(LIBC, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)
    return True


def silently(function: Callable[..., object], *arguments: object) -> bool:
    function(*arguments)
    return True


def trace(pid: int) -> bool:
    seize, detach = 0x4206, 17
    return call("ptrace", seize, pid, None, None) and (LIBC.ptrace(detach, pid, None, None), True)[1]


def memory_of(pid: int) -> bool:
    """Reads eight bytes of another process, at an address that a forked process has too."""
    here = ctypes.create_string_buffer(8)
    pair = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    other = (ctypes.c_void_p * 2)(ctypes.addressof(THERE), 8)
    return call("process_vm_readv", pid, pair, ctypes.c_ulong(1), other, ctypes.c_ulong(1), ctypes.c_ulong(0))


def own_the_signals(pid: int) -> bool:
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
        return True
    finally:
        os.close(reading), os.close(writing)


def write_to_strangers() -> None:
    """Writes to every descriptor there is but its own three."""
    for fd in range(3, 200):
        try:
            os.write(fd, b"a word from a student's code")
        except OSError:
            continue


def own_a_socket(pid: int) -> bool:
    one, other = socket.socketpair()
    with one, other:
        fcntl.ioctl(one, 0x8901, pid.to_bytes(4, "little"))  # FIOSETOWN
        return True


def lock(how: Callable[[int, int], object], what: int) -> None:
    """A lock on a file that every child can read: whoever else asks for it knows that it is taken."""
    with open(__file__, "rb") as file:
        how(file.fileno(), what)


def many_files() -> bool:
    opened = []
    try:
        opened += (os.dup(0) for _ in range(200))
        return True
    finally:
        for one in opened:
            os.close(one)


def raise_limits() -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 1))
    return True


def deeds() -> Iterator[tuple[str, Callable[[], object]]]:
    """What a student's code could try, by the name that the page for instructors has."""
    runner = os.getppid()
    for name in ("a system file", "a home", "another student's folder", "a solution", "a judge", "a test"):
        yield f"read {name}", lambda name=name: content(GIVEN[name])  # type: ignore[misc]
    yield "list another student's folder", lambda: os.listdir(os.path.dirname(GIVEN["another student's folder"]))
    yield "read another process's environment", lambda: content(f"/proc/{GIVEN['victim']}/environ")
    yield "list the processes", lambda: "1" in os.listdir("/proc")
    yield "read the runner's memory", lambda: memory_of(runner)
    for folder in ("/tmp", "/dev/shm"):
        yield f"make a file in {folder}", lambda folder=folder: make_file(os.path.join(folder, GIVEN["name"]))  # type: ignore[misc]
    beside = os.path.join(os.path.dirname(__file__), GIVEN["name"])
    yield "make a file beside its source", lambda: make_file(beside)
    yield "change its own source", lambda: open(__file__, "a").close() is None
    yield "touch its own source", lambda: silently(os.utime, __file__)
    yield "make a folder", lambda: silently(os.mkdir, os.path.join("/tmp", GIVEN["name"] + "-folder"))
    yield "make a file in memory", lambda: os.close(os.memfd_create("x")) is None
    yield "connect to 127.0.0.1", lambda: connect(socket.AF_INET, ("127.0.0.1", GIVEN["port"]))
    yield "send to 127.0.0.1", lambda: connect(socket.AF_INET, ("127.0.0.1", GIVEN["udp"]), socket.SOCK_DGRAM)
    yield "connect to an abstract socket", lambda: connect(socket.AF_UNIX, "\0" + GIVEN["name"])
    yield "connect to a socket in a folder", lambda: connect(socket.AF_UNIX, GIVEN["unix"])
    yield "lock a file", lambda: silently(lock, fcntl.flock, fcntl.LOCK_EX)
    yield "lock a part of a file", lambda: silently(lock, fcntl.lockf, fcntl.LOCK_SH)
    yield "watch a file", lambda: call("inotify_init1", 0)
    yield "listen", lambda: socket.create_server(("127.0.0.1", 0)).close() is None
    yield "fork", fork
    yield "start a thread", lambda: _thread.start_new_thread(len, ("",))
    yield "start a program", lambda: subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
    yield "signal the runner", lambda: silently(os.kill, runner, 0)
    yield "signal everybody", lambda: silently(os.kill, -1, 0)
    yield "kill another process", lambda: silently(os.kill, GIVEN["victim"], signal.SIGCONT)
    yield "let the kernel signal the runner", lambda: own_the_signals(runner)
    yield "let a socket signal the runner", lambda: own_a_socket(runner)
    yield "trace the runner", lambda: trace(GIVEN["victim"] if GIVEN["free"] else runner)
    yield "limit the runner", lambda: resource.prlimit(runner, resource.RLIMIT_CORE, (0, 0))
    yield "slow the runner down", lambda: silently(os.setpriority, os.PRIO_PROCESS, runner, 5)
    yield "leave the process group", lambda: in_fork(lambda: silently(os.setsid))
    yield "become root", lambda: silently(os.setuid, 0)
    yield "become root of a namespace", lambda: in_fork(lambda: call("unshare", CLONE_NEWUSER))
    yield "raise its limits", lambda: in_fork(raise_limits)
    yield "share memory by System V", lambda: silently(LIBC.shmctl, _shared(), 0, None)
    yield "leave a key in the kernel", lambda: call("syscall", ADD_KEY, b"user", b"x", b"y", 1, USER_KEYRING)
    yield "open an io_uring", lambda: call("syscall", IO_URING_SETUP, 4, ctypes.create_string_buffer(120))
    yield "open 200 files", many_files
    yield "use 1 GiB of memory", lambda: len(bytearray(1 << 30))
    yield "map 1 GiB of memory", lambda: mmap.mmap(-1, 1 << 30).close() is None


def _shared() -> int:
    if (found := LIBC.shmget(0x5EED, 16, 0o1600)) == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    return int(found)


def do_all() -> dict[str, str]:
    """What of it could be done, or why not."""
    done: dict[str, str] = {}
    for name, deed in deeds():
        try:
            done[name] = "done" if deed() else "nothing"
        except (OSError, ValueError, MemoryError, RuntimeError, subprocess.CalledProcessError) as error:
            done[name] = f"{type(error).__name__}: {error}"
    return done


def become_a_program() -> None:
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "print('another program')"])


def set_a_flag() -> None:
    """Tells the next child something by a descriptor that both have inherited."""
    fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)


def see_the_flag() -> None:
    os._exit(int(bool(fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK)))


def spin() -> None:
    while True:
        pass


def spin_on() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    spin()


def flood() -> None:
    while True:
        os.write(1, b"x" * 65_536)


def sleep() -> None:
    time.sleep(600)


def say_and_sleep() -> None:
    print("asleep", flush=True)
    time.sleep(600)


def close_and_sleep() -> None:
    os.closerange(0, 64)
    time.sleep(600)


def kill_the_runner() -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def kill_everybody() -> None:
    os.kill(-1, signal.SIGKILL)


def clone3() -> None:
    """The newer way to fork, whose flags no filter can see."""
    if LIBC.syscall(CLONE3, None, 0) == -1:
        print(os.strerror(ctypes.get_errno()), flush=True)


def threads_without_end() -> None:
    while True:
        _thread.start_new_thread(sleep, ())


def fork_bomb() -> None:
    while True:
        os.fork()


def daemon() -> None:
    """Leaves a process behind that is nobody's child, in a session of its own, and deaf to all that can be ignored."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(one, signal.SIG_IGN)
            print("a daemon", flush=True)
            time.sleep(600)
        os._exit(0)
    time.sleep(600)


def crash() -> None:
    os.abort()


def recurse() -> None:
    sys.setrecursionlimit(10**9)

    def deeper(n: int) -> int:
        return deeper(n + 1) + len(sorted([n], key=lambda _: deeper(n + 1)))

    deeper(0)


def fill_memory() -> None:
    kept = []
    while True:
        kept.append(bytes(1 << 24))


def child(deed: str | None) -> None:
    """What a forked child does: confines itself, unless it is to be the control, and misbehaves."""
    from course_lib.grading.sandbox import confine, seccomp
    from course_lib.grading.sandbox.limits import Quota

    if not GIVEN["seccomp"]:
        seccomp.library = lambda: None  # type: ignore[assignment]  # as on a system without libseccomp
    if GIVEN["silent"]:
        confine.silence()
    held = () if GIVEN["free"] else confine.confine(Quota(**GIVEN["limits"]))
    if deed is None:
        print(json.dumps({"held": held, "done": do_all()}), flush=True)
        return
    try:
        globals()[deed]()
    except BaseException as error:
        print(type(error).__name__, error, flush=True)


def main() -> None:
    """A child for each deed that is named, or one for all that end well. Says how each ended."""
    bring()
    for deed in GIVEN["deeds"] or (None,):
        if (pid := os.fork()) == 0:
            child(deed)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if deed is not None:
            print(f"{deed}: {code}", flush=True)


main()
