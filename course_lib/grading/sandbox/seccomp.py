"""The system calls that a confined process gives up, through libseccomp, which Debian's and Fedora's systems all have.

libseccomp knows the numbers of the calls on each processor, and refuses calls made in another processor's way. Its
Python module comes with the system's Python only, so the five functions needed here are called through ctypes.
Source: seccomp(2), seccomp_rule_add(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO
NOT_EQUAL, MASKED_EQUAL = 1, 7  # SCMP_CMP_NE, SCMP_CMP_MASKED_EQ
INT = 0xFFFFFFFF  # the kernel reads 32 bits of such an argument, so what stands above them must not matter

# Refused whatever the arguments are. Among them is what a student's simulated processes, which are several children,
# could agree by: locks on a file that both can read, news of a file that the other opens, keys, queues, memory.
# fmt: off
REFUSED = """
fork vfork clone execve execveat setsid setpgid prctl unshare setns
kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp move_pages migrate_pages
setpriority ioprio_set sched_setscheduler sched_setparam sched_setattr sched_setaffinity
socket connect bind listen accept accept4
creat truncate rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat
mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr setxattrat
flock inotify_init inotify_init1 inotify_add_watch fanotify_init mincore cachestat
mount umount2 pivot_root chroot move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr
open_by_handle_at name_to_handle_at memfd_create memfd_secret sync syncfs
shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semtimedop semctl mq_open mq_unlink
add_key keyctl request_key bpf perf_event_open userfaultfd personality
io_uring_setup io_uring_enter io_uring_register
setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
""".split()  # noqa: SIM905 - a list of words is easier to read than a list of strings
# fmt: on
ABSENT = [
    "clone3",
    "openat2",
]  # what they may do lies behind a pointer; said to be absent, as libraries have another way

WRITING = (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC)
LOCKING = (5, 6, 7, 12, 13, 14, 36, 37, 38, 1024, 1026, 1036, 1038)  # F_GETLK to F_OFD_SETLKW, leases, notices, hints
SIGNALING = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: whom the kernel signals when a pipe can be read
REQUESTS = (0x5412, 0x541C, 0x5452, 0x8901, 0x8902)  # TIOCSTI, TIOCLINUX, FIOASYNC, FIOSETOWN, SIOCSPGRP

# Refused for some arguments: the call, which argument, how it is compared, with what.
PARTLY: list[tuple[str, int, int, int, int]] = [
    *(("open", 1, MASKED_EQUAL, flag, flag) for flag in WRITING),
    *(("openat", 2, MASKED_EQUAL, flag, flag) for flag in WRITING),
    ("prlimit64", 0, NOT_EQUAL, 0, 0),  # it may read its own limits
    *(("fcntl", 1, MASKED_EQUAL, INT, command) for command in (*LOCKING, *SIGNALING)),
    *(("ioctl", 1, MASKED_EQUAL, INT, request) for request in REQUESTS),
]


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp: which argument, how compared, with what."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@cache
def library() -> ctypes.CDLL | None:
    """libseccomp, or None where there is none."""
    try:
        found = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        return None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_rule_add_array.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison)),
    ]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    return found


@cache
def prepare() -> int | None:
    """The filter, or None without libseccomp. A process that forks children to be confined prepares it once."""
    seccomp = library()
    if seccomp is None or not (rules := seccomp.seccomp_init(ALLOW)):
        return None

    def refuse(name: str, code: int, *comparisons: _Comparison) -> bool:
        call: int = seccomp.seccomp_syscall_resolve_name(name.encode())
        if call == -1:
            return True  # newer than this libseccomp; without a number there is nothing to refuse
        array = (_Comparison * len(comparisons))(*comparisons)
        return bool(seccomp.seccomp_rule_add_array(rules, REFUSE | code, call, len(comparisons), array) == 0)

    done = [refuse(name, errno.EPERM) for name in REFUSED]
    done += [refuse(name, errno.ENOSYS) for name in ABSENT]
    done += [refuse(name, errno.EPERM, _Comparison(*how)) for name, *how in PARTLY]
    return int(rules) if all(done) else None


def give_up_calls() -> bool:
    """From here on these calls fail in this process with EPERM. False, and nothing changed, where that is impossible.

    Does not: bind a thread that runs already; nor end what the calls made before have opened.
    """
    seccomp, rules = library(), prepare()
    return seccomp is not None and rules is not None and bool(seccomp.seccomp_load(rules) == 0)
