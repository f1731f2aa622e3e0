"""02.4, clean up old versions: the answer runs over a keyspace full of keys that must stay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, excused_error, of, of_clients, round_trips, seen
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.keys.exercises.e4_keyspace import NAME, Keyspace, keyspace, steps, version
from course_lib.lessons.keys.exercises.e4_says import AGAIN, began, encoded, says, says_errors, says_together
from course_lib.lessons.keys.exercises.unheard_errors import REFUSALS, refusing
from course_lib.trace import Event

Answer = Callable[..., Awaitable[Any]]
MOST_KEYS, MOST_COUNT, LEAST_A_WAIT = 50, 1_000, 4
"""The most keys of a command, the largest COUNT of a SCAN, and the least keys that a wait removes on average."""
FREES = {b"DEL", b"GETDEL", b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"}
"""Commands by which a key goes, and its memory at once."""


def trials(answer: Answer) -> list[Trial]:
    """A clean-up alone, with a fault at every send, after which it is run again; and two at once."""
    end: dict[str, Judge] = {"live": _live, "clean": _clean}
    alone = {**end, "never-keys": _never_keys, "steps": _steps, "unlink": _unlink, "says": says}
    return [
        trial("a clean-up, and another after it", partial(_build, answer), alone, sizes=(1,), seeds=3,
              faults={"crash": 0.0, "lose reply": 0.0, "node down": 0.03}, horizon=3_600.0),
        trial("a crash among many keys", partial(_build, answer, number=1), end, sizes=(1,),
              faults={"crash": 0.0}, most_sends=12, horizon=3_600.0),
        trial("the server refuses a command", partial(_refused, answer), {**end, "says": says_errors}, sizes=(1,),
              seeds=REFUSALS, horizon=3_600.0),
        trial("clean-ups at the same time", partial(_build, answer), {**end, "says": says_together}, sizes=(2, 3),
              least=2, horizon=3_600.0),
    ]  # fmt: skip


def _refused(answer: Answer, world: Simulation, clients: int) -> Keyspace:
    """What is planted is not refused, nor the judge's look."""
    world.at(0.05, refusing, world)
    world.at(AGAIN, setattr, world.nodes[0], "extension", None)
    return _build(answer, world, clients, number=0)


def _build(answer: Answer, world: Simulation, clients: int, number: int | None = None) -> Keyspace:
    redis, keys = world.redis(), keyspace(world.seed % 3 if number is None else number)
    names = [f"c{number}" for number in range(1, clients + 1)]

    async def clean() -> Any:
        return await answer(redis, live=keys.live)

    async def clean_again() -> Any:
        while world.now() < AGAIN and (keys.late or not set(names) <= set(world.results)):
            await until(world, world.now() + 1)
        return await clean()

    first, second, *rest = sorted(keys.old)
    texts = [part for key in [*rest, *sorted(keys.stay)] for part in (key, "{}")]
    world.given(("MSET", *texts), ("HSET", first, "name", "Ann"), ("SADD", second, "Ann"))
    processes = [world.client(name, clean, start=0.1) for name in names]
    if keys.late:
        plant = partial(redis.mset, dict.fromkeys(sorted(keys.late), "{}"))
        world.client(f"{JUDGE} plants", plant, start=AGAIN / 2)
    world.client("again", clean_again, start=0.1, process=processes[0] if keys.late else None)
    world.client(f"{JUDGE} looks", redis.keys, start=2 * AGAIN)
    return keys


def left_in(run: Play) -> set[str] | None:
    """What was left in the end; None if a fault kept the judge from looking."""
    looked = seen(run, f"{JUDGE} looks")
    return {key.decode() for key in looked[0].reply} if looked else None


def _live(run: Play) -> Iterator[Found]:
    """All that must stay is left, in any run."""
    left = left_in(run)
    if left is None:
        if run.schedule.kind is None:
            yield ("The judge could not look at what is left.",)
    elif gone := sorted(run.witness.stay - left):
        events = (event for event in of_clients(run.trace) if gone[0].encode() in event.command)
        who, when = next(((event.client, event.t_start) for event in events), ("c1", 0.1))
        yield f"{gone[0]} is gone, and {len(gone) - 1} more that must stay.", who, when, "must stay"


def _clean(run: Play) -> Iterator[Found]:
    """Nothing old is left, once a clean-up came to its end."""
    left, failed = left_in(run), run.results["again"]
    kept = sorted((run.witness.old | run.witness.late) & (left or set()))
    if kept and not excused_error(run, "again", failed):
        why = f" It ended with {type(failed).__name__}: {failed}." if isinstance(failed, BaseException) else ""
        text = f"{kept[0]!r} and {len(kept) - 1} more old keys are left after the second clean-up.{why}"
        yield text, "again", began(run, "again"), "not clean"


# -- what it asks of the server ----------------------------------------------------------------------------------------


def _never_keys(run: Play) -> Iterator[Found]:
    """No command that holds up everybody else."""
    size = len(run.witness.old | run.witness.stay)
    for step in steps(run):
        event = step.event
        for command in step.called(b"KEYS", b"FLUSHDB", b"FLUSHALL"):
            yield f"{event.client} ran {_name(command)}: meanwhile nobody else is served.", *_at(event)
        if len(step.counts) > 1 and sum(step.counts) >= min(size, MOST_COUNT + 1):
            text = f"{event.client} went through all keys in one {event.name}: meanwhile nobody else is served."
            yield text, *_at(event)


def _name(command: tuple[bytes, ...]) -> str:
    return command[0].decode().upper()


def _at(event: Event, mark: str = "") -> tuple[str, float, str]:
    return event.client, event.t_start, mark or event.name


def _steps(run: Play) -> Iterator[Found]:
    """No giant step, and not too many small ones."""
    keys: Keyspace = run.witness
    old, planted = encoded(keys.old), encoded(keys.old | keys.stay)
    for step in steps(run):
        count, size = max(step.counts, default=0), step.named(planted)
        if count > MOST_COUNT or size > MOST_KEYS:
            told = f"COUNT {count:,}" if count > MOST_COUNT else f"{size} keys in one {step.event.name}"
            yield f"{step.event.client} took too large a step: {told}.", *_at(step.event, "too large")
    yield from _too_many(run, old) if run.schedule.kind is None else ()


def _too_many(run: Play, old: frozenset[bytes]) -> Iterator[Found]:
    """Of a clean-up that nothing disturbs: it waits less often than once for four keys, and asks nothing about each."""
    mine = [event for event in of(run.trace, "c1") if event.name != "SCAN"]
    trips, most = round_trips(mine), len(old) // LEAST_A_WAIT
    if trips > most:
        yield (
            f"To remove {len(old)} keys c1 waited {trips} times, its SCANs apart; {most} are plenty.",
            "c1",
            0.1,
            "slow",
        )
    asked = [command for step in steps(run) for command in step.commands if step.event.client == "c1"]
    asked = [command for command in asked if command[0].upper() != b"UNLINK" and len(old & set(command)) == 1]
    if len(asked) > most:
        yield f"c1 sent {len(asked)} commands such as {_name(asked[0])}, each for a key.", "c1", 0.1, "one for each key"


def _unlink(run: Play) -> Iterator[Found]:
    for step in steps(run):
        for command in step.called(*FREES):
            why = "the memory of each value is freed before others are served"
            text = f"{step.event.client} sent {_name(command)}: {why}."
            yield text, *_at(step.event)


# -- clues: what is left where an answer goes wrong? -------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """Of the run that is shown: which keys are gone, which are left, and by which commands."""
    run = next((failing[name] for name in ("live", "clean") if name in failing), failing.first)
    keys, left = run.witness, left_in(run) or set[str]()
    gone, kept = keys.stay - left, keys.old & left
    yield from named(_gone(failing, keys, gone) if gone else {})
    large = failing["steps"].violation("steps") if "steps" in failing else None
    mark = large.mark if large and not gone else ""
    yield from named({
        "keys": not gone and "never-keys" in failing and _sent(run, "KEYS"),
        "first-step-only": kept and not gone and not run.schedule.faults and _first_step(run, kept),
        "del": "unlink" in failing and _sent(run, "DEL"),
        "one-by-one": mark == "slow",
        "one-giant-step": mark == "too large",
    })  # fmt: skip


def _gone(failing: Failing, keys: Keyspace, gone: frozenset[str]) -> dict[str, object]:
    """The mistakes whose keys, and no others, are gone."""
    live, stay = keys.live, keys.stay
    old_parts = [f":v{before}:" for before in range(1, live)]
    begins = tuple(f"{NAME}:v{before}" for before in range(1, live))
    versions = {key: said for key in stay if (said := version(key)) is not None}
    texts = {key for key, said in versions.items() if str(said) < str(live)}
    return {
        "all-but-live": gone == {key for key, said in versions.items() if said != live},
        "v1-is-v10": gone == {key for key in stay if key.startswith(begins)},
        "ignores-live": gone == {key for key, said in versions.items() if said < 10},
        "compares-texts": gone == texts and _kept_as_texts(failing),
        "matches-anywhere": not gone <= set(versions) and all(any(part in key for part in old_parts) for key in gone),
    }


def _kept_as_texts(failing: Failing) -> bool:
    """Where live is 12, are just those left whose version is the larger text?"""
    if "clean" not in failing:
        return False
    run = failing["clean"]
    kept = run.witness.old & (left_in(run) or set())
    return bool(kept) and kept == {key for key in run.witness.old if str(version(key)) >= str(run.witness.live)}


def _sent(run: Play, name: str) -> bool:
    return any(event.name == name for event in of_clients(run.trace))


def _first_step(run: Play, kept: frozenset[str]) -> bool:
    """Did its last SCAN not come back to 0? Or are just those left that it was told of last, less than a step?"""
    steps_of = {len(event.command) - 1 for event in of(run.trace, "c1") if event.name == "UNLINK"}
    replies = [event.reply for event in of(run.trace, "c1") if event.name == "SCAN" and isinstance(event.reply, list)]
    told = [key.decode() for reply in replies for key in reply[1] if key.decode() in run.witness.old]
    return bool(replies) and (
        replies[-1][0] != b"0" or (len(steps_of) == 1 and len(kept) < max(steps_of) and kept == set(told[-len(kept) :]))
    )


RULES = Rules(coroutine_function("redis, *, live"), trials, clues)
