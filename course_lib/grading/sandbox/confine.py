"""What a process does to itself before the first line of a student's code. Standard library only."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import sys

from course_lib.grading.sandbox import seccomp
from course_lib.grading.sandbox.limits import Quota

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38

SECCOMP = "seccomp: no new process, thread or program, no socket, no file opened for writing, no signal to others"
LIMITS = "limits: CPU time, address space, open files, no file may grow, no core dump"
NO_PROCESSES = "limits: no new process"


def confine(limits: Quota) -> tuple[str, ...]:
    """Takes from this process what a student's code must not have; there is no way back. Says what has held.

    Call it in a child that was forked for one answer, before anything of the answer runs, and while the child has one
    thread. The parent must live longer than the child, which is killed when the parent dies (Linux). `prepare`
    in the parent makes it quick.

    Does not: hide files, nor what the process has already opened or read; that is the sandbox's part. Without
    libseccomp it stops neither sockets nor writes, and as root not even forks: `probe` then refuses.
    """
    parent = os.getppid()
    held = [LIMITS]
    if _limit(limits):
        held.append(NO_PROCESSES)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for option, value in ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_DUMPABLE, 0), (PR_SET_NO_NEW_PRIVS, 1)):
            if prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the first prctl, so no signal will come
        if seccomp.give_up_calls():
            held.append(SECCOMP)
    return tuple(held)


def prepare() -> None:
    """Does once, in the parent, what each child would otherwise do: confining one then takes 1 ms, not 5.

    What is imported by now is kept from the garbage collectors of the children: to go through it would take time, and
    would copy memory that they share.
    """
    importlib.import_module("resource")
    seccomp.prepare()
    gc.freeze()


def silence() -> None:
    """stdin, stdout and stderr become a /dev/null that this process opened itself. Call it before `confine`.

    Children that share what they have inherited can agree by it: each sees the flags that another sets.
    """
    for descriptor in range(3):
        own = os.open(os.devnull, os.O_RDWR)
        os.dup2(own, descriptor)
        os.close(own)


def _limit(limits: Quota) -> bool:
    """Lowers the limits for good. True where new processes are refused from here on: root is not bound by that."""
    import resource  # not on Windows, where `probe` has a sentence instead

    wanted = {
        "RLIMIT_CPU": limits.cpu,
        "RLIMIT_AS": limits.memory,
        "RLIMIT_NOFILE": limits.open_files,
        **dict.fromkeys(("RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NPROC", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"), 0),
    }
    for name, value in wanted.items():
        which = getattr(resource, name, None)
        if which is None:
            continue  # not a limit of this system
        _, hard = resource.getrlimit(which)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        last = most + 1 if name == "RLIMIT_CPU" and most != hard else most  # SIGXCPU first; SIGKILL if it is caught
        try:
            resource.setrlimit(which, (most, last))
        except (OSError, ValueError):  # macOS refuses an address space smaller than what is mapped
            if sys.platform == "linux":
                raise
    return os.geteuid() != 0
