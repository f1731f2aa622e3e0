"""Every ready-made invariant: a program that keeps it under every order, and one that breaks it, with what is said."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

import course_lib.explore.invariants as ready
from course_lib.errors import BadArgument, CourseError
from course_lib.explore import Move, Play, Schedule, Simulation, Trial, Violation, enumerate_all, play
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import Invariant
from course_lib.explore.linearizability import History, by_client, register

Body = Callable[[Redis, Simulation, str], Awaitable[Any]]


def trial(invariant: Invariant, *bodies: Body, history: bool = False, horizon: float = 10.0) -> Trial:
    """One client for each body; the history, where one is wanted, is what they share."""

    def build(world: Simulation, clients: int) -> History:
        shared = History(world)
        for number, body in enumerate(bodies):
            who = f"c{number}"
            world.client(who, body, world.redis(), shared if history else world, who)
        return shared

    return Trial("a promise", ("-",), build, invariant, sizes=(len(bodies),), horizon=horizon, most_steps=2_000)


def broken(invariant: Invariant, *bodies: Body, **options: Any) -> tuple[int, int]:
    """How many orders of the clients' commands break it, and of how many."""
    found = enumerate_all(trial(invariant, *bodies, **options), len(bodies))
    return found.failures, found.schedules


def said(invariant: Invariant, *bodies: Body, turns: tuple[int | Move, ...] = (), **options: Any) -> list[str]:
    """What is said about one order. A violation has a place in the picture, unless it is that nobody did a thing."""
    run = play(trial(invariant, *bodies, **options), Schedule(len(bodies), turns=turns), step=0.001)
    for found in run.violations:
        assert found.who in run.results or found.promise in ("at least once", "exactly once")
        assert 0 <= found.t_start <= run.trace.span[1]
        assert len(found.mark) < 30
    return [violation.text for violation in run.violations]


# -- an invariant of one's own ----------------------------------------------------------------------------------------


def example() -> Any:
    """The invariant in the module's docstring, as it stands there."""
    lines = (ready.__doc__ or "").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("    def "))
    code = lines[start : lines.index("", start)]
    assert len(code) == 5, "it says that five lines are enough"
    names: dict[str, Any] = {"Violation": Violation}
    exec(textwrap.dedent("\n".join(code)), names)
    return names["nobody_waits_long"]


async def one_get(redis: Redis, world: Simulation, who: str) -> None:
    await redis.get("page")


async def pops(redis: Redis, world: Simulation, who: str) -> None:
    await redis.blpop(["jobs"], timeout=1)


def test_the_example_of_five_lines_is_an_invariant() -> None:
    assert said(example(), one_get) == []
    assert said(example(), pops) == ["c0 waited 1.00 s"]


def test_invariants_are_joined() -> None:
    both = ready.all_of(example(), ready.no_key_without_ttl())
    assert said(both, pops, incr_then_expire) == ["c0 waited 1.00 s"]
    assert said(both, pops, incr, turns=(1,)) == [
        "c0 waited 1.00 s",
        "n has no TTL and stays for ever; c1 touched it last",
    ]


def test_explore_takes_them_as_they_are() -> None:
    """In a notebook: several at once, with what `me` marks."""

    async def counts(redis: Any, me: Any) -> None:
        seen = int(await redis.get("visits") or 0)
        await redis.set("visits", seen + 1)

    async def locks(redis: Any, me: Any) -> None:
        if await redis.set("lock", me, nx=True, px=1000):
            with me.holding(1.0):
                await redis.incr("work")
            await redis.delete("lock")

    assert explore(counts, ready.no_lost_update("visits")).text.startswith("4 of all 6 schedules of 2 clients")
    found = explore(counts, [ready.no_lost_update("visits"), ready.no_key_without_ttl()])
    assert (found.failures, found.schedules) == (6, 6)
    held = explore(locks, [ready.one_holder(1.0), ready.no_key_without_ttl("lock")], clients=(2, 3))
    assert (held.holds, held.schedules > 20) == (True, True)


# -- a lock -----------------------------------------------------------------------------------------------------------


def holding(release: str, ttl: float = 0.5) -> Body:
    async def body(redis: Redis, world: Simulation, who: str) -> None:
        if await redis.set("lock", who, nx=True, px=round(ttl * 1000)):
            hold = world.note(who, "hold")
            await redis.incr("work")
            hold.t_end = world.now()
            await redis.eval(release, 1, "lock", who)

    return body


OWN = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
ANY = "redis.call('DEL', KEYS[1])"
FREES_ANY, FREES_OWN = holding(ANY), holding(OWN)
THEFT = (0, Move("wait", seconds=0.6), 1, 0, 0, 1)


def test_two_holders_at_once_are_named_with_their_times() -> None:
    """The first one's time is up; it wakes, frees the second one's lock, and the third gets it."""
    texts = said(ready.one_holder(0.5), FREES_ANY, FREES_ANY, FREES_ANY, turns=THEFT)
    assert texts == ["c2 got the lock at 605 ms, while c1 held it up to 606 ms"]
    assert said(ready.one_holder(0.5), FREES_OWN, FREES_OWN, FREES_OWN, turns=THEFT) == []


def test_a_holder_counts_for_as_long_as_its_lock_is_valid() -> None:
    """Without a validity it counts until it lets go, however late."""
    late = (0, Move("wait", seconds=0.6), 1)
    assert said(ready.one_holder(0.5), FREES_OWN, FREES_OWN, turns=late) == []
    assert len(said(ready.one_holder(), FREES_OWN, FREES_OWN, turns=late)) == 1
    assert broken(ready.one_holder(), FREES_OWN, FREES_OWN, FREES_OWN)[0] == 0


def test_a_long_hold_is_remembered_past_a_short_one() -> None:
    """One holds from 20 to 40 s; that it held for a second time until 22 s excuses nobody."""
    world = Simulation()
    for who, start, end in [("a", 20.0, 40.0), ("a", 21.0, 22.0), ("c", 30.0, 31.0)]:
        world.trace.note(who, "hold", start, end)
    run = Play(Schedule(3), world.trace, {}, None, 50.0, 0)
    assert [v.text for v in ready.one_holder()(run)] == ["c got the lock at 30,000 ms, while a held it up to 40,000 ms"]


def test_who_has_crashed_holds_nothing() -> None:
    crash = (0, Move("crash", 0), Move("wait", seconds=0.6), 0)
    assert said(ready.one_holder(), FREES_OWN, FREES_OWN, turns=crash) == []


# -- counters ---------------------------------------------------------------------------------------------------------


async def get_then_set(redis: Redis, world: Simulation, who: str) -> int:
    value = int(await redis.get("n") or 0) + 1
    await redis.set("n", value)
    return value


async def incr(redis: Redis, world: Simulation, who: str) -> int:
    return int(await redis.incr("n"))


async def incr_then_expire(redis: Redis, world: Simulation, who: str) -> int:
    value = int(await redis.incr("n"))
    if value == 1:
        await redis.expire("n", 60)
    return value


def test_a_lost_update_is_counted_at_the_server() -> None:
    assert broken(ready.no_lost_update("n"), get_then_set, get_then_set) == (4, 6)
    assert broken(ready.no_lost_update("n"), incr, incr) == (0, 2)
    texts = said(ready.no_lost_update("n"), get_then_set, get_then_set, turns=(0, 1, 0, 0))
    assert texts == ["2 clients were told that they had counted, and n is 1: 1 update is lost"]


def test_an_update_that_nobody_was_told_of_is_no_lost_one() -> None:
    """A lost reply: the client has an error, and the counter may or may not have gone up."""
    for kind in ("lose reply", "lose request"):
        assert said(ready.no_lost_update("n"), incr, incr, turns=(Move(kind, 0), 0)) == []  # type: ignore[arg-type]


def test_a_counter_is_linearizable_or_not() -> None:
    """Each client is one call. INCR is linearizable in every order; GET, then SET is not."""
    counter = ready.linearizable(calls=by_client("increment"))
    assert broken(counter, get_then_set, get_then_set) == (4, 6)
    assert broken(counter, incr, incr) == (0, 2)
    assert said(counter, get_then_set, get_then_set, turns=(0, 1, 0, 0)) == [
        "no order explains c0: increment() → 1; c1: increment() → 1"
    ]


def cached(*, invalidates: bool) -> tuple[Body, Body]:
    """A reader and a writer of a register that has a copy, which the writer may forget."""

    async def read(redis: Redis, history: Any, who: str) -> None:
        for _ in range(2):
            await history.call(who, "read", None, look(redis))

    async def look(redis: Redis) -> int:
        found = await redis.get("copy") if not invalidates else None
        if found is None:
            found = await redis.get("row") or 0
            if not invalidates:
                await redis.set("copy", found, px=3)
        return int(found)

    async def write(redis: Redis, history: Any, who: str) -> None:
        await history.call(who, "write", 7, redis.set("row", 7))

    return read, write


def test_a_register_with_a_copy_is_not_linearizable() -> None:
    """The old row is read from the copy after the write has ended; without a copy it never is."""
    invariant = ready.linearizable(register)
    assert broken(invariant, *cached(invalidates=False), history=True)[0] > 0
    assert broken(invariant, *cached(invalidates=True), history=True) == (0, 3)
    texts = said(invariant, *cached(invalidates=False), history=True, turns=(0, 0, 1))
    assert texts == ["no order explains c0: read() → 0; c1: write(7) → True; c0: read() → 0"]


def test_a_reduced_enumeration_gives_a_history_the_same_verdict() -> None:
    """What a history notes keeps the reduction from swapping what began and what ended."""
    for invalidates in (False, True):
        made = trial(ready.linearizable(register), *cached(invalidates=invalidates), history=True)
        plain, reduced = enumerate_all(made, 2), enumerate_all(made, 2, reduce=True)
        assert set(plain.outcomes) == set(reduced.outcomes)


def test_a_read_may_be_old_but_not_too_old() -> None:
    """What is read from the copy 1 ms after the write breaks a bound of 0 ms, and none of 4 ms."""
    turns = (0, 0, 1, 0)  # the row is read, overwritten, then copied; 1 ms after the write the next read begins
    for bound, count in ((0.0, 1), (0.004, 0)):
        texts = said(ready.bounded_staleness(bound), *cached(invalidates=False), history=True, turns=turns)
        assert len(texts) == count
    assert broken(ready.bounded_staleness(0.0), *cached(invalidates=True), history=True)[0] == 0
    with pytest.raises(CourseError, match="no history to judge"):
        play(Trial("none", ("-",), lambda world, clients: None, ready.bounded_staleness(0.0)), Schedule(1))


# -- limits -----------------------------------------------------------------------------------------------------------


async def look_then_add(redis: Redis, world: Simulation, who: str) -> bool:
    if await redis.zcard("hits") >= 1:
        return False
    await redis.zadd("hits", {who: 1})
    return True


async def adds_if_room(redis: Redis, world: Simulation, who: str) -> bool:
    script = "if redis.call('ZCARD', KEYS[1]) >= 1 then return 0 end return redis.call('ZADD', KEYS[1], 1, ARGV[1])"
    return bool(await redis.eval(script, 1, "hits", who))


def test_more_than_the_limit_are_counted() -> None:
    assert broken(ready.at_most(1), look_then_add, look_then_add) == (4, 6)
    assert broken(ready.at_most(1), adds_if_room, adds_if_room) == (0, 2)
    assert said(ready.at_most(1), look_then_add, look_then_add, turns=(0, 1)) == ["2 were admitted; the limit is 1"]


@pytest.mark.parametrize(("gap", "count"), [(0.5, 1), (1.0, 0), (1.5, 0)])
def test_a_window_slides(gap: float, count: int) -> None:
    """Two that lie exactly a window apart are not in the same one."""

    async def asks(redis: Redis, world: Simulation, who: str) -> None:
        for moment in (0.0, gap):
            await asyncio.sleep(moment)
            world.note(who, "admit")

    texts = said(ready.at_most(1, 1.0, admitted=ready.noted("admit")), asks)
    assert texts == ["2 were admitted within 1,000 ms from 0.00 ms on; the limit is 1"] * count


def test_a_limit_must_be_one() -> None:
    for limit, window in ((-1, 1.0), (1, 0.0)):
        with pytest.raises(BadArgument, match="accepted: 0 or more, and seconds above 0"):
            ready.at_most(limit, window)


# -- loads, TTLs ------------------------------------------------------------------------------------------------------


def loader(guard: bool) -> Body:
    async def body(redis: Redis, world: Simulation, who: str) -> None:
        if await redis.get("page") is None and (not guard or await redis.set("lock", who, nx=True, px=3_000)):
            load = world.note(who, "load")
            await redis.get("row")
            load.t_end = world.now()
            await redis.set("page", "x", px=1_000)

    return body


def test_loads_while_another_runs_or_its_value_lives() -> None:
    assert broken(ready.one_load_per_expiry(1.0), loader(False), loader(False))[0] > 0
    assert broken(ready.one_load_per_expiry(1.0), loader(True), loader(True))[0] == 0
    texts = said(ready.one_load_per_expiry(1.0), loader(False), loader(False), turns=(0, 1, 0, 0))
    assert texts == ["c1 loaded at 2.40 ms, when the load of c0 had not finished"]
    texts = said(ready.one_load_per_expiry(1.0), loader(False), loader(False), turns=(0, 0, 1, 0))
    assert texts == ["c1 loaded at 3.40 ms, when the load of c0 had finished 1.00 ms before"]


def test_a_load_of_a_client_that_met_a_fault_is_excused() -> None:
    """It crashed while it loaded; when its lock is over, another loads."""
    turns = (0, 0, Move("crash", 0), Move("wait", seconds=4), 0)
    assert said(ready.one_load_per_expiry(10.0), loader(True), loader(True), turns=turns) == []
    slow = (0, 0, Move("wait", seconds=4), 1, 1)
    assert len(said(ready.one_load_per_expiry(10.0), loader(True), loader(True), turns=slow)) == 1


def test_a_key_without_ttl_is_found_on_the_server() -> None:
    """INCR, then EXPIRE: in no order without a fault, but where a crash strikes between them."""
    assert broken(ready.no_key_without_ttl(), incr_then_expire, incr_then_expire)[0] == 0
    texts = said(ready.no_key_without_ttl(), incr_then_expire, incr_then_expire, turns=(0, Move("crash", 0), 0))
    assert texts == ["n has no TTL and stays for ever; c1 touched it last"]
    assert said(ready.no_key_without_ttl("page:*"), incr) == []


def test_servers_are_asked_while_the_run_is_judged_and_not_later() -> None:
    run = play(trial(ready.no_key_without_ttl(), incr), Schedule(1))
    assert [v.promise for v in run.violations] == ["every key ends"]
    with pytest.raises(CourseError, match="give it to a Trial as its judge"):
        list(ready.no_key_without_ttl()(run))


def test_asking_a_server_leaves_no_mark() -> None:
    """The trace of a run that is judged by asking is that of a run that is not."""
    asked = play(trial(ready.no_key_without_ttl(), incr), Schedule(1))
    silent = play(trial(lambda run: (), incr), Schedule(1))
    assert asked.trace.digest() == silent.trace.digest()


# -- effects, progress ------------------------------------------------------------------------------------------------


def worker(acknowledges_first: bool) -> Body:
    """Takes a job off a list: for good before it has done it, or only once it has."""

    async def body(redis: Redis, world: Simulation, who: str) -> None:
        if who == "c0":
            await redis.rpush("jobs", "mail")
        job = await (redis.lpop("jobs") if acknowledges_first else redis.lindex("jobs", 0))
        if job is not None:
            await redis.incr("sent")
            world.note(who, "effect", job)
            if not acknowledges_first:
                await redis.lrem("jobs", 1, job)

    return body


EARLY, LATE = worker(True), worker(False)


def test_at_least_once_and_at_most_once_are_two_promises() -> None:
    """Who removes a job first does it at most once; who removes it afterwards may do it twice."""
    crash = (0, 0, Move("crash", 0))
    least, most, exactly = ready.at_least_once(["mail"]), ready.at_most_once(), ready.exactly_once(["mail"])
    assert said(least, EARLY, turns=crash) == ["1 of 1 job was never done: mail"]
    assert said(least, LATE, LATE, turns=(0, 0, Move("crash", 0), 0)) == []
    assert broken(most, EARLY, EARLY)[0] == 0
    assert broken(most, LATE, LATE)[0] > 0
    assert said(most, LATE, LATE, turns=(0, 0, 1))[0].startswith("mail was done 2 times: by c0 at ")
    assert said(exactly, EARLY) == []
    assert len(said(exactly, EARLY, turns=crash)) == len(said(exactly, LATE, LATE, turns=(0, 0, 1))) == 1


def test_somebody_who_never_ends_is_named() -> None:
    async def polls(redis: Redis, world: Simulation, who: str) -> None:
        while await redis.get("never") is None:
            await asyncio.sleep(0.5)

    async def waits(redis: Redis, world: Simulation, who: str) -> None:
        await redis.get("page")
        await asyncio.Event().wait()

    texts = said(ready.everybody_ends(), one_get, polls, horizon=3.0)
    assert texts == ["c1 had not ended after 2,509 ms and 6 commands"]
    assert said(ready.everybody_ends(), waits) == ["c0 waits for ever: nothing is left that could wake anybody"]
    assert said(ready.everybody_ends(), one_get, one_get) == []
