"""Any command as a process that ends when this one ends, even by kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from course_lib.errors import ServerFailed
from course_lib.servers.guard_channel import Channel

HOME = Path(__file__).resolve().parents[2]  # where `import course_lib` finds the course
START_WITHIN = 10.0  # s for the guard to report, on a machine under heavy load


class GuardedProcess:
    """One command under a guard. It lives no longer than this object and this Python process.

    With `folder`, an empty folder is made there and removed by `end()`; the command runs there, adds its output to
    `log`, and can be run again. Without, the command runs once, with the streams that it is given.

    Units: `grace`, seconds from SIGTERM to SIGKILL at the end; 0 is SIGKILL at once.
    Cost: about 25 ms to start; 6 MB for the guard, beside the command's own.
    Raises: OSError if the command cannot be executed; ServerFailed if the guard cannot be started.
    Does not: outlive the guard; on macOS it may if the guard and this process are both killed with kill -9.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        log: Path | None = None,
        grace: float = 1.0,
        **popen: Any,
    ) -> None:
        """`popen`: more arguments of subprocess.Popen (cwd, env, stdin, stdout, stderr); a stream not given is null."""
        self.command = [str(part) for part in command]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self._channel = Channel(grace=grace, folder=folder)
        self._finalizer = weakref.finalize(self, self._channel.end)  # before there is anything to end
        self._guard = self._channel.open(self.command, log, streams | popen)

    def run(self) -> None:
        """Start the command, or start it again after it has ended; return when it executes."""
        channel = self._channel
        channel.pid = channel.returncode = channel.error_number = None
        channel.send("run")
        channel.wait_until(lambda: channel.pid is not None or channel.error_number is not None, START_WITHIN)
        if channel.error_number is not None:
            raise OSError(channel.error_number, os.strerror(channel.error_number), self.command[0])
        if channel.pid is None:
            raise ServerFailed(f"the guard of {self.command[0]} is gone, or did not start it in {START_WITHIN:g} s")

    @property
    def pid(self) -> int | None:
        """The command's process id; None before it has started."""
        return self._channel.pid

    @property
    def guard_pid(self) -> int:
        return self._guard.pid

    @property
    def returncode(self) -> int | None:
        """The command's exit status, minus the number of the signal that ended it, or None while it runs."""
        self._channel.listen(0)
        return self._channel.returncode

    @property
    def stdin(self) -> IO[str] | None:
        return self._guard.stdin

    @property
    def stdout(self) -> IO[str] | None:
        """What the command prints, if it was started with `stdout=PIPE`."""
        return self._guard.stdout

    @property
    def stderr(self) -> IO[str] | None:
        return self._guard.stderr

    def is_alive(self) -> bool:
        """Whether the command runs; a paused one does."""
        return self.pid is not None and self.returncode is None

    @property
    def is_paused(self) -> bool:
        """Whether the command has been stopped (SIGSTOP), by us or by others."""
        return self.is_alive() and self._channel.paused

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the command to end and return its exit status.

        Raises: subprocess.TimeoutExpired after `timeout` seconds, and leaves the command running.
        """
        channel = self._channel
        if not channel.wait_until(lambda: channel.returncode is not None, timeout) or channel.returncode is None:
            raise subprocess.TimeoutExpired(self.command, timeout or 0.0)
        return channel.returncode

    def ends_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for the command to end; return whether it has."""
        return self._channel.wait_until(lambda: not self.is_alive(), seconds)

    def communicate(self, text: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Write `text` to the command's input, wait for its end, and return what it wrote to stdout and to stderr.

        Raises: subprocess.TimeoutExpired after `timeout` seconds, and leaves the command running.
        """
        out, err = self._guard.communicate(text, timeout)
        return out or "", err or ""

    def signal(self, number: int) -> None:
        """Send the command a signal; nothing happens if it has ended."""
        self._channel.send(f"signal {int(number)}")

    def kill(self) -> None:
        """SIGKILL; return when the command is dead."""
        self.signal(signal.SIGKILL)
        if self.pid is not None:
            self.wait()

    def terminate(self, grace: float) -> None:
        """SIGTERM, and SIGKILL if the command still runs `grace` seconds later; return when it is dead."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        if not self.ends_within(grace):
            self.kill()

    def pause(self) -> None:
        """SIGSTOP; return when the command has stopped."""
        self.signal(signal.SIGSTOP)
        self._channel.wait_until(lambda: self._channel.paused or not self.is_alive(), None)

    def resume(self) -> None:
        """SIGCONT."""
        self._channel.paused = False
        self.signal(signal.SIGCONT)

    def end(self) -> None:
        """End the command and its guard, remove the folder, close the streams. Safe to call twice."""
        self._channel.end()
        self._finalizer.detach()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> GuardedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __repr__(self) -> str:
        ended = "not started" if self.pid is None else f"ended with {self.returncode}"
        state = f"running, pid {self.pid}" if self.is_alive() else ended
        return f"<GuardedProcess {Path(self.command[0]).name}: {state}>"


def guarded(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    env: Mapping[str, str] | None = None,
    grace: float = 1.0,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> GuardedProcess:
    """Run a command once, in `directory`, as a process that never outlives this one.

    Read its result with `communicate()`, or with `stdout.readline()` if it writes less to stderr than a pipe holds
    (64 kB). Its streams are never this process's own. Units, costs and errors: see GuardedProcess.
    """
    process = GuardedProcess(command, cwd=directory, env=env, grace=grace, stdin=stdin, stdout=stdout, stderr=stderr)
    try:
        process.run()
    except BaseException:
        process.end()
        raise
    return process


def guarded_module(module: str, *arguments: str, **options: Any) -> GuardedProcess:
    """Run a module of the course once, in a Python of its own, as `python -m` does; each line it prints comes at once.

    `options` are those of `guarded`. Cost: a second or so to start, as the process imports the course.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return guarded([sys.executable, "-m", module, *arguments], directory=HOME, env=environment, **options)
