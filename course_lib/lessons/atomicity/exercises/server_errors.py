"""A server that answers with errors for a while: its caller must hear them, and when it is over all must be well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis.exceptions import RedisError, WatchError

from course_lib.explore import Extension, Play, Session, Simulation, Trial
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Found, trial
from course_lib.lessons.atomicity.exercises.server_access import plant, send

READS = frozenset(b"GET MGET WATCH UNWATCH MULTI EXEC DISCARD PTTL TTL EXISTS TYPE STRLEN TIME SCRIPT PING".split())
LOADING = "LOADING Redis is loading the dataset in memory"
READONLY = "READONLY You can't write against a read only replica."


@dataclass
class Refusing(Extension):
    """For a while the server answers with an error: READONLY to whatever may write, anything else to every command."""

    world: Simulation
    error: str
    since: float
    until: float

    def answers(self, session: Session, command: list[bytes]) -> bool:
        refused = self.since <= self.world.now() < self.until
        if refused and (self.error != READONLY or command[0].upper() not in READS):
            session.refuse(self.error)
            return True
        return False


def errors(
    call: Callable[[Simulation], Awaitable[Any]], right: Callable[[Any], bool], key: str = "", held: str = ""
) -> Trial:
    """A trial: one call while the server refuses, and one when that is over, whose result must be `right`.

    With `key`, a run more: the key holds a list for a while. `held` is what it holds otherwise.
    """
    said = [LOADING, READONLY, *(["WRONGTYPE"] if key else [])]
    return trial("the server answers with an error", partial(_build, call, said, key, held),
                 {"errors": partial(_judge, right)}, sizes=(1,), seeds=len(said))  # fmt: skip


def _build(
    call: Callable[[Simulation], Awaitable[Any]], said: list[str], key: str, held: str, world: Simulation, clients: int
) -> Acts:
    run, error = Acts(world), said[world.seed % len(said)]
    if error == "WRONGTYPE":
        plant(world, "RPUSH", key, "5")
        world.at(0.5, send, world, "DEL", key)
    else:
        world.nodes[0].extension = Refusing(world, error, 0.05, 0.5)
    if held:
        world.at(0.6 if error == "WRONGTYPE" else 0.0, send, world, "SET", key, held)

    async def calls(act: Act) -> Any:
        result = await call(world)
        return "an error, which it did not raise" if isinstance(result, BaseException) else result

    run.process("c1", calls, [(0.1, error.partition(" ")[0]), (1.0, "")])
    return run


def _judge(right: Callable[[Any], bool], run: Play) -> Iterator[Found]:
    refused, after = run.witness.acts[0], run.witness.acts[-1]
    if not isinstance(refused.result, RedisError) or isinstance(refused.result, WatchError):
        what = failure(refused) if refused.failed else f"c1 was told {shown(refused.result)}."
        what = what if refused.over else "c1 never ended."
        text = f"The server answered {refused.what}: that error must go to the caller. {what}"
        yield text, "c1", refused.began, "no error"
    elif not right(after.result):
        yield f"The error is over, and still c1 was told {shown(after.result)}.", "c1", after.began, "it is over"
