"""The guard: a small process that runs one command and sees to it that the command never outlives the parent.

Run as a script in a session of its own, never imported: `python -I -S guard.py CONTROL GRACE FOLDER LOG COMMAND…`

CONTROL  an inherited socket. End of file on it means that the parent is done or dead, by kill -9 as well.
GRACE    seconds between SIGTERM and SIGKILL at the end; 0 sends SIGKILL at once.
FOLDER   where the command runs; removed at the end. With one, the guard stays when the command ends, so that it can be
         run again; "" means that the guard leaves with the command, which runs where the guard was started.
LOG      file that the command's output is added to; "" means that it has the guard's own standard streams.

It hears, a line each: `run`, `signal N`.
It tells: `running PID tied`, `running PID loose`, `failed ERRNO`, `stopped`, `continued`, `exited STATUS`.
`tied` means that the operating system kills the command if the guard itself is killed (Linux only).

Cost: about 20 ms to start and 6 MB of its own while it lives. Imports are few for that reason.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable

HANDLED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in <linux/prctl.h>
ORPHAN_CHECK = 500  # ms between looks at the parent's id: a fork of the parent may hold its end of CONTROL open


class Guard:
    """One command, the socket to the parent, and what to clear away at the end."""

    def __init__(self, control: int, grace: float, folder: str, log: str, command: list[str]) -> None:
        self.control, self.grace, self.folder, self.log, self.command = control, grace, folder, log, command
        self.parent = os.getppid()
        self.child = 0
        self.ending = False
        self.heard = b""
        self.prctl = _prctl()
        os.set_inheritable(control, False)
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in HANDLED:  # handlers, for an ignored signal would stay ignored in the command
            signal.signal(number, self._on_signal)

    def serve(self) -> None:
        """Obey the parent until it is gone or the work is done."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        while not self.ending and os.getppid() == self.parent:
            ready = [descriptor for descriptor, _ in poll.poll(ORPHAN_CHECK)]
            if self.woken in ready:
                os.read(self.woken, 4096)
            self.look()
            if self.control in ready:
                self.obey()

    def obey(self) -> None:
        try:
            data = os.read(self.control, 4096)
        except OSError:  # the parent closed its end before it read everything
            data = b""
        self.ending |= not data
        *lines, self.heard = (self.heard + data).split(b"\n")
        for line in lines:
            verb, _, number = line.partition(b" ")
            if verb == b"run" and not self.child:
                self.run()
            elif verb == b"signal" and self.child:
                os.kill(self.child, int(number))

    def run(self) -> None:
        read, write = os.pipe()  # closed by a successful exec: then there is nothing to read
        guard = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                self.become_command(guard)
            except OSError as error:
                os.write(write, b"%d" % (error.errno or 0))
            finally:
                os._exit(127)
        self.child = child
        os.close(write)
        error_number = os.read(read, 16)
        os.close(read)
        if error_number:
            os.waitpid(child, 0)
            self.child = 0
            self.ending |= not self.folder
            self.tell(f"failed {error_number.decode()}")
            return
        self.tell(f"running {child} {'tied' if self.prctl else 'loose'}")

    def become_command(self, guard: int) -> None:
        if self.prctl:
            self.prctl(SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != guard:  # killed between fork and prctl
                os._exit(127)
        for number in IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        if self.folder:
            os.chdir(self.folder)
        if self.log:
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
        os.execvp(self.command[0], self.command)

    def look(self) -> None:
        """Tell the parent what has become of the command since the last look."""
        while self.child:
            pid, status = os.waitpid(self.child, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if not pid:
                return
            if os.WIFSTOPPED(status):
                self.tell("stopped")
            elif os.WIFCONTINUED(status):
                self.tell("continued")
            else:
                self.child = 0
                self.ending |= not self.folder
                self.tell(f"exited {os.waitstatus_to_exitcode(status)}")

    def tell(self, line: str) -> None:
        try:
            os.write(self.control, line.encode() + b"\n")
        except OSError:
            self.ending = True

    def end(self) -> None:
        """End the command, even a stopped one, and what it left behind; remove the folder; end this process."""
        if self.child and self.grace:
            os.kill(self.child, signal.SIGTERM)
            os.kill(self.child, signal.SIGCONT)
            self._wait_until_exit(self.grace)
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            _, status = os.waitpid(self.child, 0)
            self.child = 0
            self.tell(f"exited {os.waitstatus_to_exitcode(status)}")
        if self.folder and os.path.isdir(self.folder):
            import shutil  # here, for at start it would cost 10 ms

            shutil.rmtree(self.folder, ignore_errors=True)
        if os.getpgrp() == os.getpid():  # children of the command are in this group, and so is the guard
            os.killpg(0, signal.SIGKILL)

    def _wait_until_exit(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        poll = select.poll()
        poll.register(self.woken, select.POLLIN)
        while self.child and (left := deadline - time.monotonic()) > 0:
            if poll.poll(min(left * 1000 + 1, ORPHAN_CHECK)):
                os.read(self.woken, 4096)
            self.look()

    def _on_signal(self, number: int, _: object) -> None:
        self.ending |= number == signal.SIGTERM


def _prctl() -> Callable[..., int] | None:
    """The system call that ties a process's life to its parent's, where there is one."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return prctl


if __name__ == "__main__":
    guard = Guard(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
    try:
        guard.serve()
    finally:
        guard.end()
