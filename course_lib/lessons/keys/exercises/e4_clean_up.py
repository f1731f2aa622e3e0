"""02.4, clean up old versions: the answer runs over a keyspace full of keys that must stay."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, Violation, play
from course_lib.grading.evidence import JUDGE, excused_error, ms, of, round_trips, seen, shown
from course_lib.grading.acts import world
from course_lib.trace import Event

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


def cleaning(answer: Answer) -> list[Trial]:
    """A clean-up alone, with a fault at every send, after which it is run again; and two at once."""
    faults: dict[Any, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
    promises = ("live", "clean", "never-keys", "steps", "unlink", "says")
    return [
        Trial("a clean-up, and another after it", promises, partial(_build, answer, LIVE), _judge, sizes=(1,), seeds=2,
              faults=faults, world=world, horizon=30.0),
        Trial("clean-ups at the same time", ("live", "clean"), partial(_build, answer, 9), _judge_end, sizes=(2, 3),
              seeds=2, least=2, world=world, horizon=30.0),
    ]  # fmt: skip


def _build(answer: Answer, live: int, world: Simulation, clients: int) -> int:
    redis = world.redis()

    async def plant() -> None:
        await redis.mset(dict.fromkeys(sorted(OLD | STAY), "{}"))

    async def look() -> None:
        await redis.keys()

    async def clean() -> Any:
        return await answer(redis, live=live)

    world.client(f"{JUDGE} plants", plant)
    for number in range(1, clients + 1):
        world.client(f"c{number}", clean, start=0.05)
    world.client("again", clean, start=10.0)
    world.client(f"{JUDGE} looks", look, start=20.0)
    return live


def old_in(run: Play) -> set[str]:
    """What had to go: the keys of OLD whose version is below the one that was live."""
    return {key for key in OLD if int(key.split(":")[3][1:]) < run.witness}


def left_in(run: Play) -> set[str] | None:
    """What was left in the end; None if a fault kept the judge from planting or looking."""
    planted, looked = seen(run, f"{JUDGE} plants"), seen(run, f"{JUDGE} looks")
    return {key.decode() for key in looked[0].reply} if planted and looked else None


def _judge(run: Play) -> Iterator[Violation]:
    yield from _judge_end(run)
    for judge in (_commands, _says):
        yield from judge(run)


def _judge_end(run: Play) -> Iterator[Violation]:
    """What is left: all that must stay, in any run; and nothing old, once a run of it came to its end."""
    left = left_in(run)
    if left is None and run.schedule.kind is None:
        yield Violation("live", "The judge could not look at what is left.")
    if left is None:
        return
    gone, kept = sorted((STAY | OLD) - old_in(run) - left), sorted(old_in(run) & left)
    if gone:
        event = next((event for event in _sent(run) if any(gone[0].encode() in part for part in event.command)), None)
        who, when = (event.client, event.t_start) if event else ("c1", 0.05)
        yield Violation("live", f"{gone[0]} is gone, and {len(gone) - 1} more that must stay.", who, when, "must stay")
    if kept and not excused_error(run, "again", run.results["again"]):
        failed = run.results["again"]
        why = f" It ended with {type(failed).__name__}: {failed}." if isinstance(failed, BaseException) else ""
        text = f"{kept[0]} and {len(kept) - 1} more old keys are left after the second clean-up.{why}"
        yield Violation("clean", text, "again", 10.0, "not clean")


def _sent(run: Play) -> list[Event]:
    return [event for event in run.trace if not event.client.startswith(JUDGE)]


def _commands(run: Play) -> Iterator[Violation]:
    """No command that holds up everybody else: not KEYS, no large DEL, no giant step."""
    for event in _sent(run):
        words = [part.upper() for part in event.command]
        in_script = event.name in ("EVAL", "EVALSHA", "SCRIPT") and re.search(
            rb"['\"](KEYS|FLUSH\w+)['\"]", b" ".join(words)
        )
        if event.name in HOLD_UP or in_script:
            text = f"{event.client} sent {event.text}: while it runs over all keys, nobody else is served."
            yield Violation("never-keys", text, event.client, event.t_start, event.name)
            break
    for event in _sent(run):
        words = [part.upper() for part in event.command]
        count = int(words[words.index(b"COUNT") + 1]) if event.name == "SCAN" and b"COUNT" in words else 0
        if count > MOST_COUNT or (event.name in ("DEL", "UNLINK") and len(words) - 1 > MOST_KEYS):
            size = f"COUNT {count:,}" if count else f"{len(words) - 1} keys in one {event.name}"
            yield Violation(
                "steps", f"{event.client} took too large a step: {size}.", event.client, event.t_start, "too large"
            )
            break
    deleting = next((event for event in _sent(run) if event.name == "DEL"), None)
    if deleting is not None:
        text = f"{deleting.client} sent DEL, which frees the memory of each value before it serves anybody else."
        yield Violation("unlink", text, deleting.client, deleting.t_start, "DEL")
    if run.schedule.kind is None:
        trips = round_trips(of(run.trace, "c1"))
        if trips > MOST_TRIPS:
            text = f"{len(OLD)} old keys took {trips} round trips; {MOST_TRIPS} are plenty."
            yield Violation("steps", text, "c1", 0.05, "too many steps")


def _says(run: Play) -> Iterator[Violation]:
    """It returns how many keys it removed; the second time, none."""
    if run.schedule.kind is None:
        for name, wanted in (("c1", len(OLD)), ("again", 0)):
            found = run.results[name]
            if type(found) is not int or found != wanted:
                what = (
                    f"ended with {type(found).__name__}: {found}"
                    if isinstance(found, Exception)
                    else f"said {shown(found)}"
                )
                when = 0.05 if name == "c1" else 10.0
                text = f"{name} {what} at {ms(when)}; {wanted} keys were there to be removed."
                yield Violation("says", text, name, when, "wrong number")
                return


# -- clues: what is left where an answer goes wrong? -------------------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the end of a run without a fault, and its commands, point to."""
    run = play(cleaning(answer)[0], Schedule(1))
    left = left_in(run) or set()
    gone, kept = STAY - left, OLD & left
    if f"{NAME}:v11:1" in gone and f"{NAME}:v10:1" not in gone:
        return "all-but-live"
    if f"{NAME}:v10:1" in gone:
        return "v1-is-v10"
    if gone:
        return "matches-anywhere"
    if kept == {key for key in OLD if ":v1:" not in key}:
        return "compares-texts"
    if "live" in failing:
        return "ignores-live"
    if "never-keys" in failing:
        return "keys"
    if kept or "clean" in failing:
        return "first-step-only"
    if "unlink" in failing:
        return "del"
    if "steps" in failing:
        return "one-by-one" if round_trips(of(run.trace, "c1")) > MOST_TRIPS else "one-giant-step"
    return None
