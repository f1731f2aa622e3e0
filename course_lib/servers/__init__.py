"""Real servers, and any other command, as local processes that never outlive the Python process that started them.

- `lookup`            which Redis or Valkey this machine has
- `server`            one standalone server
- `server_process`    what a standalone server and a node of a topology have in common
- `topology`          a folder: several servers that belong together, as processes or as containers
- `proxy`             a folder: a TCP proxy that loses, delays and counts what passes
- `relay`             a folder: what stands before a topology's nodes, to cut one off from the others
- `guarded_process`   any command, or a module of the course, as a process that ends with this one
- `guard_channel`     our side of the guard: start it, give it orders, hear what it tells
- `guard`             the guard itself, a script that runs as a process of its own
- `ask`               ask servers by port, with a bound on the wait and without the client library
- `resp`              the protocol: commands and replies as bytes
- `ports`             free ports

How a process ends with ours: a small guard stands over each. We talk to it through a socket. End of file on it tells
the guard that we are gone, even by kill -9; then it ends the process and removes its folder. Containers, which the
engine starts, can outlive this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import lazy
from course_lib.servers.guarded_process import GuardedProcess, guarded, guarded_module
from course_lib.servers.lookup import Found, find, find_all
from course_lib.servers.proxy.proxy import Proxy
from course_lib.servers.server import Server

if TYPE_CHECKING:
    from course_lib.servers.topology.composed import Composed
    from course_lib.servers.topology.status import NodeStatus
    from course_lib.servers.topology.topology import Topology

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
__getattr__ = lazy(
    __name__, {"topology.topology": "Topology", "topology.composed": "Composed", "topology.status": "NodeStatus"}
)
