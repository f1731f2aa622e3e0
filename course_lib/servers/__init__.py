"""Real servers, and any other command, as local processes that never outlive the Python process that started them.

`find()` says which server this machine has, `Server` runs it, `guarded()` runs a worker process. `Proxy` stands before
a server and loses, delays and counts what passes.

A small guard stands over each process (guard.py). This process talks to it through a socket (channel.py): its end of
file tells the guard that we are gone, even by kill -9, and the guard ends the process and removes its folder.
"""

from course_lib.servers.guarded_process import GuardedProcess, guarded
from course_lib.servers.lookup import Found, find, find_all
from course_lib.servers.proxy import Proxy
from course_lib.servers.server import Server

__all__ = ["Found", "GuardedProcess", "Proxy", "Server", "find", "find_all", "guarded"]
