"""The topology panel: a running topology as it is now, and buttons and keys that kill, pause, cut off and promote."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Protocol

from course_lib.views.picture import escape
from course_lib.views.topology import topology as picture_of
from course_lib.views.topology_words import NodeLike, changes
from course_lib.widgets import fallback
from course_lib.widgets.topology_buttons import ACTS, Face, Verb
from course_lib.worlds.threads import in_thread, within

EVERY = 0.5
"""Seconds between two looks at the nodes."""
LOOK_LIMIT, ACT_LIMIT = 3.0, 30.0
"""Seconds after which the panel says that a look, or an act, is late. It goes on, and the panel no longer waits for
it."""
REMEMBERED = 10
"""Lines of what happened."""
LAST_SEEN = "What is drawn faintly is what was last seen."
STOPPED = f"The topology does not run. Start it, and run this cell again. {LAST_SEEN}"
ASLEEP = f"These servers have been stopped since. Press any button or its key: they start again. {LAST_SEEN}"
PATIENCE = "One thing at a time: wait until this is done."

Seen = tuple[tuple[NodeLike, ...], Mapping[str, object]]


class Running(Protocol):
    """What the panel needs of a topology, of local processes or of containers; and a method for each verb of ACTS."""

    @property
    def is_running(self) -> bool: ...
    def status(self) -> Sequence[NodeLike]: ...


class TopologyPanel:
    """The panel of a running topology. The last line of a cell shows it, and it follows the nodes while it is shown.

    `counts` gives numbers of a writer by name, shown beside the nodes. `again` starts the topology anew and returns it:
    the first act after it was stopped begins with that. With `big`, it can be read from the back of a room. It looks
    only while the kernel is free, and ends when the topology stops or the page closes. It never waits for a node: looks
    and acts run in threads of their own, `again` and `counts` too.

    Units: `every` and `limit` in seconds: between two looks, and until an act is said to be late.
    """

    def __init__(
        self,
        topology: Running,
        *,
        counts: Callable[[], Mapping[str, object]] | None = None,
        again: Callable[[], Running] | None = None,
        big: bool = False,
        every: float = EVERY,
        limit: float = ACT_LIMIT,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.topology, self.happened = topology, list[str]()
        self._counts: Callable[[], Mapping[str, object]] = counts or dict
        self._again = again
        self._every, self._limit, self._now = every, limit, now
        self._numbers: Mapping[str, object] = {}
        self._acting: Future[Any] | None = None
        self._looking: Future[Seen] | None = None
        self._following: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._acted = self._news = ""
        self._late = "?"  # what was said of a look that was late, until the next look
        self.face = Face("tp" + secrets.token_hex(4), self._pressed, big=big)
        self.face.box.observe(self._displayed, "_view_count")
        self.look()

    # -- for programs -------------------------------------------------------------------------------------------------

    @property
    def box(self) -> Any:
        """The widget itself."""
        return self.face.box

    @property
    def nodes(self) -> tuple[NodeLike, ...]:
        """The nodes as they were last seen."""
        return self.face.nodes

    @property
    def follows(self) -> bool:
        """Whether the panel looks at the nodes by itself."""
        return self._following is not None and not self._following.done()

    def pick(self, name: str) -> None:
        """Let the buttons act on this node; without such a node, nothing."""
        self.face.pick(name)

    def look(self) -> None:
        """Ask every node once and show it. Returns after at most three seconds, whatever the nodes do."""
        if not self.topology.is_running:
            return self._stopped()
        try:
            self._take(self._ask().result(LOOK_LIMIT))
        except Exception as error:
            self._missed(error)

    def do(self, verb: str, name: str = "") -> None:
        """Do it and wait until it is done, or late; then look. An error is shown as a sentence, not raised.

        Raises: ValueError for a verb that the panel does not have.
        """
        if verb not in ACTS:
            raise ValueError(f"there is no verb {verb!r}; there are {', '.join(ACTS)}")
        act, name = ACTS[verb], name or self.face.picked
        if (future := self._begin(act, name)) is not None:
            try:
                future.result(self._limit)
                self._done(act, name)
            except Exception as error:
                self._fail(act.of(name), error)
            finally:
                self._acting = None
            if self.topology.is_running:  # else what was said last is why not
                self.look()

    def close(self) -> None:
        """Take the panel off the page and stop looking."""
        if self._following is not None:
            self._following.cancel()
        self.box.close()

    # -- following ----------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        drawn = picture_of(self.nodes).as_image() if self.nodes else ""
        still = f"<p><b>Topology panel.</b> Run this cell to use it; this is what it showed.</p>{drawn}"
        fallback.show(self.box, still, self.face.uid)

    def _displayed(self, change: dict[str, Any]) -> None:
        """The page says how many views it has of the panel: with the first of them the panel begins to follow."""
        if change["new"] and not self.topology.is_running:  # as after Run All, when a later cell has stopped it
            self._stopped()
        elif change["new"]:
            self._follow_on()

    def _follow_on(self) -> None:
        if self.box._view_count and self.topology.is_running and not self.follows:
            try:
                self._following = asyncio.get_running_loop().create_task(self._follow())
            except RuntimeError:  # no loop runs: nothing can follow
                return

    async def _follow(self) -> None:
        while self.topology.is_running and self.box._view_count:
            await self._look()
            await asyncio.sleep(self._every)
        if not self.topology.is_running:
            self._stopped()

    async def _look(self) -> None:
        try:
            self._take(await within(LOOK_LIMIT, self._ask()))
        except Exception as error:
            self._missed(error)

    def _ask(self) -> Future[Seen]:
        """One look at a time: one that is late is waited for again, not overtaken."""
        if self._looking is None or self._looking.done():
            self._looking = in_thread(lambda: (tuple(self.topology.status()), self._counts()), name="topology panel")
        return self._looking

    def _take(self, seen: Seen) -> None:
        nodes, self._numbers = seen
        if not nodes:  # it is being stopped
            return
        if self._acted == self._late:
            self._acted = ""
        if self.nodes and (changed := changes(self.nodes, nodes)):
            at = f"{self._now():%H:%M:%S}"
            if telling := changes(self.nodes, nodes, views=False):
                self._news = f"{'; '.join(telling)} since {at}."
            self._note(at, changed)
        self.face.show(nodes)
        self._tell()

    # -- acting -------------------------------------------------------------------------------------------------------

    def _pressed(self, verb: str) -> None:
        """A button or a key: pause means resume where the node is paused."""
        act = ACTS["resume" if verb == "pause" and self.face.state == "paused" else verb]
        name = self.face.picked
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop runs: a program, not a notebook
            return self.do(act.verb, name)
        if (future := self._begin(act, name)) is not None:
            task = loop.create_task(self._finish(act, name, future))
            self._tasks.add(task)  # a loop itself holds its tasks weakly
            task.add_done_callback(self._tasks.discard)

    def _begin(self, act: Verb, name: str) -> Future[Any] | None:
        if self._acting is not None:
            self._say(f"{self._acted.removesuffix(PATIENCE).rstrip()} {PATIENCE}")
            return None
        asleep = not self.topology.is_running
        if asleep and self._again is None:
            self._stopped()
            return None
        doing = f"{act.during} {name} …" if act.named else f"{act.during} …"
        self._say(f"The servers start again first. Then: {doing}" if asleep else doing)
        self._acting = in_thread(lambda: self._act(act, name), name="topology panel")
        return self._acting

    def _act(self, act: Verb, name: str) -> None:
        """In a thread of its own: start the topology again if it was stopped, and do it."""
        asleep = not self.topology.is_running
        if asleep and self._again is not None:
            self.topology = self._again()
        if act.named:
            getattr(self.topology, act.verb)(name)
        elif not asleep:  # what has just been started is as healed and as reset as can be
            getattr(self.topology, act.verb)()

    async def _finish(self, act: Verb, name: str, future: Future[Any]) -> None:
        try:
            await within(self._limit, future)
            self._done(act, name)
        except Exception as error:
            self._fail(act.of(name), error)
        finally:
            self._acting = None
        await self._look()
        self._follow_on()

    # -- saying -------------------------------------------------------------------------------------------------------

    def _done(self, act: Verb, name: str) -> None:
        at, what = f"{self._now():%H:%M:%S}", f"you {act.done} {name}" if act.named else f"you {act.done}"
        self._note(at, [what])
        self._say(f"At {at} {escape(what)}.", self._news)

    def _fail(self, what: str, error: Exception) -> None:
        late = isinstance(error, TimeoutError)
        why = "takes long: it goes on, and the panel does not wait for it" if late else f"did not work: {error}"
        self._say(f'<span role="alert">{escape(what.capitalize())} {escape(why.rstrip("."))}.</span>', self._news)

    def _missed(self, error: Exception) -> None:
        self._fail("look", error)
        self._late = self._acted

    def _note(self, at: str, lines: Sequence[str]) -> None:
        self.happened = [*self.happened, *(f"{at} {line}" for line in lines)][-REMEMBERED:]

    def _stopped(self) -> None:
        self.face.fade()
        self._say(STOPPED if self._again is None else ASLEEP)

    def _say(self, acted: str, news: str = "") -> None:
        self._acted, self._news = acted, news
        self._tell()

    def _tell(self) -> None:
        said = " ".join(filter(None, [self._acted, escape(self._news)]))
        self.face.tell(said, self._numbers, self.happened)
