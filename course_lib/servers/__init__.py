"""Real servers, and any other command, as local processes that never outlive the Python process that started them.

`find()` says which server this machine has, `Server` runs it, `guarded()` runs a worker process, and `guarded_module()`
one that is a module of the course. `Proxy` stands before a server and loses, delays and counts what passes. `Topology`
runs several that belong together; `Composed` runs them as containers instead, which may outlive this process.

A small guard stands over each process (guard.py). This process talks to it through a socket (guard_channel.py): its
end of file tells the guard that we are gone, even by kill -9, and the guard ends the process and removes its folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import lazy
from course_lib.servers.guarded_process import GuardedProcess, guarded, guarded_module
from course_lib.servers.lookup import Found, find, find_all
from course_lib.servers.proxy import Proxy
from course_lib.servers.server import Server

if TYPE_CHECKING:
    from course_lib.servers.topology import Topology
    from course_lib.servers.topology.composed import Composed
    from course_lib.servers.topology.status import NodeStatus

__all__ = [
    "Composed",
    "Found",
    "GuardedProcess",
    "NodeStatus",
    "Proxy",
    "Server",
    "Topology",
    "find",
    "find_all",
    "guarded",
    "guarded_module",
]

# They bring the client library and YAML: 0.1 s that a program with a lone server need not spend.
__getattr__ = lazy(__name__, {"topology": "Topology", "topology.composed": "Composed", "topology.status": "NodeStatus"})
