"""The first program in a child, where one is needed: drops root, applies Landlock, then becomes the real program.

    python -I -S enter.py '{"user": 65534, "parent": 123, "read": ["/usr/lib"], "names": [], …}' PROGRAM ARGUMENT…

`user` and `parent` can be null, `read` too: then files stay as they are. Standard library, and for `read` landlockpy,
from the folder `packages`: without Python's search for packages it starts in half the time.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def restrict(read: list[str], names: list[str]) -> None:
    """From here on only these can be read, and of `names` only which files there are; nothing can be written."""
    import ctypes.util  # here, as it takes as long as all the rest

    ctypes.util.find_library = lambda name: None  # else landlockpy has programs started, to find the C library's name
    from landlockpy import AccessFS, Ruleset, Scope

    content = AccessFS.READ_FILE | AccessFS.EXECUTE
    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as rules:
        for path in read:
            rules.allow_path(path, content | AccessFS.READ_DIR if os.path.isdir(path) else content)
        for path in names:
            rules.allow_path(path, AccessFS.READ_DIR)
        rules.allow_path(os.devnull, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        rules.restrict()


def main() -> None:
    """As it says above."""
    how, program = json.loads(sys.argv[1]), sys.argv[2:]
    if how["read"] is not None:
        sys.path.append(how["packages"])
        restrict(how["read"], how["names"])
    if how["user"] is not None:
        os.setgroups([])
        os.setresgid(how["user"], how["user"], how["user"])
        os.setresuid(how["user"], how["user"], how["user"])
    if how["parent"] is not None and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != how["parent"]:
            sys.exit(1)  # the grader died meanwhile
    os.execve(program[0], program, os.environ)


if __name__ == "__main__":
    main()
