"""02.4, clean up old versions: the answer runs over a keyspace full of keys that must stay."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, excused_error, ms, of, of_clients, round_trips, seen, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Judge, Rules, named, trial, undisturbed

Answer = Callable[..., Awaitable[Any]]
LIVE, MOST_KEYS, MOST_COUNT, MOST_TRIPS = 10, 50, 1_000, 30
NAME = "app:user:profile"
OLD = {f"{NAME}:v{version}:{user}" for version in (1, 2, 9) for user in range(20)}
"""What must go: three versions before the live one."""
STAY = {
    *(f"{NAME}:v{version}:{user}" for version in (10, 11) for user in range(5)),
    *(f"{NAME}:v10:v1:7", f"{NAME}:v10:v2", f"{NAME}-photo:v1:7", "app:user:v1:7", "app:shop:price:v1:7"),
    *(f"old:{NAME}:v1:7", f"{NAME}:settings", f"{NAME}s:v2:7"),
}  # fmt: skip
"""What must stay: the live version, a newer one that is tried out, other names, and parts that look like versions."""
HOLD_UP = ("KEYS", "FLUSHDB", "FLUSHALL")
IN_SCRIPT = re.compile(rb"['\"](KEYS|FLUSH\w+)['\"]")


def trials(answer: Answer) -> list[Trial]:
    """A clean-up alone, with a fault at every send, after which it is run again; and two at once."""
    end: dict[str, Judge] = {"live": _live, "clean": _clean}
    return [
        trial("a clean-up, and another after it", partial(_build, answer, LIVE),
              {**end, "never-keys": _never_keys, "steps": _steps, "unlink": _unlink, "says": _says}, sizes=(1,),
              seeds=2, faults=LOSSES, horizon=30.0),
        trial("clean-ups at the same time", partial(_build, answer, 9), end, sizes=(2, 3), seeds=2, least=2,
              horizon=30.0),
    ]  # fmt: skip


def _build(answer: Answer, live: int, world: Simulation, clients: int) -> int:
    redis = world.redis()

    async def clean() -> Any:
        return await answer(redis, live=live)

    world.client(f"{JUDGE} plants", redis.mset, dict.fromkeys(sorted(OLD | STAY), "{}"))
    for number in range(1, clients + 1):
        world.client(f"c{number}", clean, start=0.05)
    world.client("again", clean, start=10.0)
    world.client(f"{JUDGE} looks", redis.keys, start=20.0)
    return live


def old_in(run: Play) -> set[str]:
    """What had to go: the keys of OLD whose version is below the one that was live."""
    return {key for key in OLD if int(key.split(":")[3][1:]) < run.witness}


def left_in(run: Play) -> set[str] | None:
    """What was left in the end; None if a fault kept the judge from planting or looking."""
    planted, looked = seen(run, f"{JUDGE} plants"), seen(run, f"{JUDGE} looks")
    return {key.decode() for key in looked[0].reply} if planted and looked else None


def _live(run: Play) -> Iterator[Found]:
    """All that must stay is left, in any run."""
    left = left_in(run)
    if left is None:
        if run.schedule.kind is None:
            yield ("The judge could not look at what is left.",)
    elif gone := sorted((STAY | OLD) - old_in(run) - left):
        events = (event for event in of_clients(run.trace) if any(gone[0].encode() in part for part in event.command))
        who, when = next(((event.client, event.t_start) for event in events), ("c1", 0.05))
        yield f"{gone[0]} is gone, and {len(gone) - 1} more that must stay.", who, when, "must stay"


def _clean(run: Play) -> Iterator[Found]:
    """Nothing old is left, once a clean-up came to its end."""
    left, failed = left_in(run), run.results["again"]
    kept = sorted(old_in(run) & (left or set()))
    if kept and not excused_error(run, "again", failed):
        why = f" It ended with {type(failed).__name__}: {failed}." if isinstance(failed, BaseException) else ""
        text = f"{kept[0]} and {len(kept) - 1} more old keys are left after the second clean-up.{why}"
        yield text, "again", 10.0, "not clean"


def _never_keys(run: Play) -> Iterator[Found]:
    """No command that holds up everybody else."""
    for event in of_clients(run.trace):
        script = b" ".join(event.command).upper() if event.name in ("EVAL", "EVALSHA", "SCRIPT") else b""
        if event.name in HOLD_UP or IN_SCRIPT.search(script):
            text = f"{event.client} sent {event.text}: while it runs over all keys, nobody else is served."
            yield text, event.client, event.t_start, event.name


def _steps(run: Play) -> Iterator[Found]:
    """No giant step, and not too many small ones."""
    for event in of_clients(run.trace):
        words = [part.upper() for part in event.command]
        count = int(words[words.index(b"COUNT") + 1]) if event.name == "SCAN" and b"COUNT" in words else 0
        if count > MOST_COUNT or (event.name in ("DEL", "UNLINK") and len(words) - 1 > MOST_KEYS):
            size = f"COUNT {count:,}" if count else f"{len(words) - 1} keys in one {event.name}"
            yield f"{event.client} took too large a step: {size}.", event.client, event.t_start, "too large"
    trips = round_trips(of(run.trace, "c1"))
    if run.schedule.kind is None and trips > MOST_TRIPS:
        text = f"{len(OLD)} old keys took {trips} round trips; {MOST_TRIPS} are plenty."
        yield text, "c1", 0.05, "too many steps"


def _unlink(run: Play) -> Iterator[Found]:
    for event in of_clients(run.trace):
        if event.name == "DEL":
            text = f"{event.client} sent DEL, which frees the memory of each value before it serves anybody else."
            yield text, event.client, event.t_start, "DEL"


@undisturbed
def _says(run: Play) -> Iterator[Found]:
    """It returns how many keys it removed; the second time, none."""
    for name, wanted, when in (("c1", len(OLD), 0.05), ("again", 0, 10.0)):
        found = run.results[name]
        if type(found) is not int or found != wanted:
            failed = isinstance(found, Exception)
            what = f"ended with {type(found).__name__}: {found}" if failed else f"said {shown(found)}"
            yield f"{name} {what} at {ms(when)}; {wanted} keys were there to be removed.", name, when, "wrong number"


# -- clues: what is left where an answer goes wrong? -------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The end of the first run, and its commands."""
    left = left_in(failing.first) or set()
    gone, kept = STAY - left, OLD & left
    return named({
        "all-but-live": f"{NAME}:v11:1" in gone and f"{NAME}:v10:1" not in gone,
        "v1-is-v10": f"{NAME}:v10:1" in gone,
        "matches-anywhere": gone,
        "compares-texts": kept == {key for key in OLD if ":v1:" not in key},
        "ignores-live": "live" in failing,
        "keys": "never-keys" in failing,
        "first-step-only": kept or "clean" in failing,
        "del": "unlink" in failing,
        "one-by-one": "steps" in failing and round_trips(of(failing.first.trace, "c1")) > MOST_TRIPS,
        "one-giant-step": "steps" in failing,
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, *, live"), trials, clues)
