"""The child: it runs an answer in the simulated processes that its parent names, and decides nothing.

It hears from its parent what has happened: a call, a reply, a timer. It lets the answer's code go on until all of it
waits, and tells what that code did: what it sent, whom it asked, when it wants to be woken. Time, the network, the
servers and the verdict are the parent's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from course_lib.sim.process import CLIENT
from course_lib.sim.random_streams import Streams, join, part
from course_lib.wire.arguments import Moved
from course_lib.wire.child_host import Host, News
from course_lib.wire.child_network import ChildNetwork
from course_lib.wire.json_values import Encoder, SeenAt, as_json
from course_lib.wire.pipe import Broken, Pipe
from course_lib.wire.received import Received

MOST = 1_000
"""Callbacks in one go; then the parent is asked, who counts them."""


class Child:
    """Serves its parent until the pipe is closed.

    `call(what, args, options, objects)` makes a call of the answer. `what` is (number, keep, method): of the answer
    itself if the number is None, else of that one among the objects that it has made; with `keep`, what comes of it is
    one more of these. `extra(request, *args)` answers what the parent asks between two runs. `seen_at(error)` says
    where in the answer an error arose; `begin()` hears that a run begins.
    """

    def __init__(
        self, pipe: Pipe, call: Callable[..., Any], extra: Callable[..., Any],
        seen_at: Callable[[BaseException], SeenAt], begin: Callable[[], object],
    ) -> None:  # fmt: skip
        self._pipe, self._call, self._extra, self._begin = pipe, call, extra, begin
        self._received = Received(self)
        self._encode = Encoder(self._received.number, seen_at)
        self._actions: list[Any] = []
        self._hosts: dict[int, Host] = {}
        self._streams: Any = None
        self._network = ChildNetwork()
        self._objects: list[Any] = []
        self._asked = 0
        self._sent = False
        self._now: Host | None = None

    # -- what code of the answer does ----------------------------------------------------------------------------------

    def tell(self, *action: Any) -> None:
        """Have the parent do this."""
        self._sent = self._sent or action[0] == "send"
        self._actions.append(action)

    def redis(self, node: str, options: dict[str, Any]) -> Any:
        """Its client of that node."""
        return self._network.client(node, options)

    def ask(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """What the parent's function returns. Raises what it raises."""
        if self._over():
            raise asyncio.CancelledError
        self._reply("ask", CLIENT.get(), number, list(map(self._encode, args)), self._plain(options))
        said, value = self._received.unpacked(self._pipe.receive())
        if said == "raised":
            raise value
        return self._future(value) if said == "later" else value

    def later(self, number: int, args: tuple[Any, ...], options: dict[str, Any]) -> Awaitable[Any]:
        """What the parent's coroutine function comes to."""
        if self._over():
            return asyncio.get_running_loop().create_future()
        self._asked += 1
        self.tell("call", self._asked, CLIENT.get(), number, list(map(self._encode, args)), self._plain(options))
        return self._future(self._asked)

    def _future(self, number: int) -> asyncio.Future[Any]:
        host = self._now
        assert host is not None
        future = host.waiting[number] = host.loop.create_future()

        def ended(future: asyncio.Future[Any]) -> None:
            host.waiting.pop(number, None)
            if future.cancelled() and not host.loop.ending:
                self.tell("stop", number)

        future.add_done_callback(ended)
        return future

    def _plain(self, options: dict[str, Any]) -> list[Any]:
        return [[name, self._encode(value)] for name, value in options.items()]

    def _over(self) -> bool:
        return self._now is None or self._now.loop.ending

    # -- what the parent says ------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until the pipe is closed."""
        try:
            while True:
                what, *rest = self._received.unpacked(self._pipe.receive())
                if what == "run":
                    self._begun(*rest)
                elif what == "extra":
                    self._asked_apart(*rest)
                else:
                    self._happened(what, *rest)
        except Broken:
            pass
        finally:
            self._rewind()

    def _reply(self, *last: Any) -> None:
        actions, self._actions = [*self._received.drew(), *self._actions, last], []
        self._pipe.send(as_json(actions))

    def _rewind(self) -> None:
        """Unwind what the last run has left."""
        hosts, self._hosts = self._hosts, {}
        for host in hosts.values():
            self._now = host
            self._network.host = host
            try:
                host.loop.unwind()
            except KeyboardInterrupt:
                pass
        self._now = None
        asyncio._set_running_loop(None)
        self._actions.clear()
        self._objects.clear()
        self._received.clear()
        self._network.rewind()

    def _begun(self, seat: int, seed: int, by_order: bool) -> None:
        self._rewind()
        self._begin()
        self._streams = Streams(seed) if by_order else None
        random.seed(f"{seed}/{seat}")

    def _happened(self, what: str, number: int | None, now: float, news: News, moved: Moved, *rest: Any) -> None:
        """Something has happened in the simulated process of that number; without a number it is a plain call, outside
        of any process."""
        if number is None:
            self._each(None, *rest)
            self._reply("idle", None, 0)
            return
        host = self._host(number)
        host.heard(now, news)
        self._received.moved(moved)
        if what == "each":
            self._each(host, *rest)
            self._settled(host, 0)
            return
        if what == "call":
            self._begin_call(host, *rest)
        elif what != "go":  # a timer is due, or it was to go on later
            getattr(host, what)(*rest)
        self._step(host)

    def _each(self, host: Host | None, client: str, calls: Any) -> None:
        """Plain calls, one after another, as long as none raises."""
        for call in calls:
            self.tell("outcome", *(outcome := self._outcome(host, client, *call)))
            if outcome[0] in ("raised", "left"):
                break

    def _host(self, number: int) -> Host:
        if number not in self._hosts:
            self._hosts[number] = Host(self.tell)
        host = self._hosts[number]
        if host is not self._now:
            self._now = self._network.host = host
            host.loop.take_place()
        return host

    def _begin_call(self, host: Host, client: str, call: int, what: Any, args: Any, options: Any) -> None:
        async def whole() -> Any:
            return await self._call(what, args, options, self._objects)

        def begun() -> None:
            host.calls[call] = task = host.loop.create_task(whole())
            task.add_done_callback(lambda task: self._done(host, call, task))

        host.context(client).run(begun)

    def _done(self, host: Host, call: int, task: asyncio.Task[Any]) -> None:
        host.calls.pop(call, None)
        if host.loop.ending:
            return
        if task.cancelled():
            self.tell("done", call, "cancelled", None)
        elif (error := task.exception()) is not None:
            self.tell("done", call, "raised", self._encode.error(error))
        else:
            self.tell("done", call, "returned", self._encode(task.result()))

    def _outcome(self, host: Host | None, client: str, what: Any, args: Any, options: Any) -> tuple[str, Any]:
        """The outcome of a plain call, or of making an object, which gets a number."""

        def call() -> Any:
            return self._call(what, args, options, self._objects)

        try:
            result = call() if host is None else host.context(client).run(call)
        except Exception as error:
            return "raised", self._encode.error(error)
        except BaseException as error:  # sys.exit
            return "left", self._encode.error(error)
        _, keep, _ = what
        if keep:
            self._objects.append(result)
            return "made", len(self._objects) - 1
        return "returned", self._encode(result)

    def _asked_apart(self, request: str, args: Any) -> None:
        self._now = None
        self._reply("said", self._extra(request, *args))

    def _step(self, host: Host) -> None:
        """Go on until all wait, or something was sent and others could go on: then the parent looks first."""
        self._sent = False
        parted = None if self._streams is None else part(self._streams)
        try:
            steps = host.loop.run_due(lambda: self._sent, MOST)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # sys.exit, which comes out of any task
            self.tell("left", self._encode.error(error))
            steps = 1
        finally:
            if parted is not None:
                join(parted)
        for failure in host.loop.failures:
            self.tell("failed", self._encode.error(failure))
        host.loop.failures.clear()
        self._settled(host, steps)

    def _settled(self, host: Host, steps: int) -> None:
        if host.loop.can_go_on():
            self._reply("more", None, steps)
        else:
            self._reply("idle", host.loop.next_timer(), steps)
