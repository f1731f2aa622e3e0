"""What the queues promise, in every world: simulated, fakeredis, Redis and Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.errors import BadArgument
from course_lib.patterns.queues import WorkQueue, listen, once
from course_lib.servers import Server
from course_lib.worlds import Simulated, World

from .crowd import alone, round_trips

Message = tuple[str, str]


@asynccontextmanager
async def working(queue: WorkQueue, name: str, handler: Callable[[str, str], Any]) -> AsyncIterator[None]:
    """A worker, for as long as the block lasts."""
    task = asyncio.create_task(queue.run(name, handler))
    try:
        yield
    finally:
        await stopped(task)


async def stopped(task: asyncio.Task[Any]) -> None:
    """Cancel until it is done: before Python 3.12 wait_for may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


async def wait_until(holds: Callable[[], Any]) -> None:
    """Ask again until it holds."""
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.01)


def queue_of(redis: Redis, **policy: Any) -> WorkQueue:
    return WorkQueue(redis, "jobs", **{"claim_after": 60.0, "block": 0.05, **policy})


def test_messages_are_handled_in_the_order_in_which_they_were_sent(world: World) -> None:
    """By one worker, and those too that were sent before there was a group; nothing stays pending."""

    async def body(redis: Redis) -> Any:
        queue, handled = queue_of(redis), asyncio.Queue[Message]()
        for at in range(3):
            await queue.send(f"text {at}", message_id=f"m{at}")
        async with working(queue, "w", lambda *message: handled.put(message)):
            await queue.send("naïve\n🦆", message_id="m3")
            got = [await handled.get() for _ in range(4)]
            await wait_until(lambda: nothing_pending(redis))
        return got

    assert alone(world, body) == [("m0", "text 0"), ("m1", "text 1"), ("m2", "text 2"), ("m3", "naïve\n🦆")]


async def nothing_pending(redis: Redis, group: str = "workers") -> bool:
    return (await redis.xpending("jobs", group))["pending"] == 0


def test_a_message_sent_again_is_sent_once(world: World) -> None:
    """The same id gives the same entry, for `remember`; without an id each call is a message of its own."""

    async def body(redis: Redis) -> tuple[int, int, list[bool], int]:
        queue = queue_of(redis, remember=60)
        sent = [await queue.send("text", message_id="m") for _ in range(3)]
        others = [await queue.send("text") for _ in range(2)]
        entries = {one.entry for one in sent + others}
        left_ms = await redis.pttl("sent:{jobs}:m")
        return len(entries), await redis.xlen("jobs"), [one.new for one in sent + others], left_ms

    entries, kept, new, left_ms = alone(world, body)
    assert (entries, kept, new) == (3, 3, [True, False, False, True, True])
    assert 0 < left_ms <= 60_000


def test_a_message_that_always_fails_becomes_a_dead_letter(world: World) -> None:
    """After max_deliveries tries, with its id, its text and how often it was tried; others are handled meanwhile."""

    async def body(redis: Redis) -> Any:
        queue, handled = queue_of(redis, claim_after=0.05, max_deliveries=3), list[str]()

        async def handler(message_id: str, text: str) -> None:
            handled.append(message_id)
            if text == "poison":
                raise ValueError(text)

        await queue.send("poison", message_id="bad")
        await queue.send("text", message_id="good")
        async with working(queue, "w", handler):
            await wait_until(lambda: redis.exists(queue.dead))
        letters = [letter for _, letter in await redis.xrange(queue.dead)]
        return sorted(handled), letters, queue.failed, [str(e) for e in queue.errors], await nothing_pending(redis)

    letter = {"id": "bad", "text": "poison", "deliveries": "3"}
    assert alone(world, body) == (["bad", "bad", "bad", "good"], [letter], 3, ["poison"] * 3, True)


def test_a_dead_letter_can_be_sent_again(world: World) -> None:
    """Its mark goes with it; a mark that by now belongs to a newer message of this id stays. Others stay known."""

    async def body(redis: Redis) -> Any:
        queue, broken = queue_of(redis, claim_after=0.02, max_deliveries=1), True
        handled = asyncio.Queue[Message]()

        async def handler(message_id: str, text: str) -> None:
            if broken and message_id == "a:b%c":
                raise ValueError(text)
            await handled.put((message_id, text))

        first = await queue.send("mail", message_id="a:b%c")
        await queue.send("other", message_id="good")
        async with working(queue, "w", handler):
            await wait_until(lambda: redis.exists(queue.dead))
            broken = False
            again = await queue.send("mail", message_id="a:b%c")
            known = await queue.send("other", message_id="good")
            got = [await handled.get(), await handled.get()]
        return first.new, again.new, again.entry != first.entry, known.new, got

    assert alone(world, body) == (True, True, True, False, [("good", "other"), ("a:b%c", "mail")])


def test_a_newer_messages_mark_survives_the_death_of_an_older_one(world: World) -> None:
    """The older one's mark had run out (`remember`), so the same id was sent anew; it is known from then on."""

    async def body(redis: Redis) -> Any:
        queue = queue_of(redis, claim_after=0.02, max_deliveries=1)

        async def handler(message_id: str, text: str) -> None:
            if text == "old":
                raise ValueError(text)

        await queue.send("old", message_id="m")
        await redis.delete("sent:{jobs}:m")  # as if `remember` had passed
        newer = await queue.send("new", message_id="m")
        async with working(queue, "w", handler):
            await wait_until(lambda: redis.exists(queue.dead))
        return newer == (await queue.send("new", message_id="m"))._replace(new=True)

    assert alone(world, body)


def test_each_group_has_dead_letters_of_its_own(world: World) -> None:
    """Two groups read one stream; what one cannot handle the other may."""

    async def body(redis: Redis) -> Any:
        mails, bills = (
            queue_of(redis, group=group, claim_after=0.02, max_deliveries=1) for group in ("mails", "bills")
        )
        handled = asyncio.Queue[Message]()

        async def broken(message_id: str, text: str) -> None:
            raise ValueError(text)

        await mails.send("text", message_id="m")
        async with working(mails, "w", broken), working(bills, "w", lambda *message: handled.put(message)):
            await handled.get()
            await wait_until(lambda: redis.exists(mails.dead))
        return await redis.exists(bills.dead)

    assert alone(world, body) == 0


def test_a_handler_that_is_cancelled_from_within_has_failed(world: World) -> None:
    """It raises CancelledError, or cancels its own task: the worker works on, and the message comes again."""

    async def body(redis: Redis) -> Any:
        queue, begun, handled = queue_of(redis, claim_after=0.02), list[str](), asyncio.Queue[Message]()

        async def handler(message_id: str, text: str) -> None:
            begun.append(message_id)
            if begun.count(message_id) > 1:
                await handled.put((message_id, text))
            elif text == "raises":
                raise asyncio.CancelledError
            else:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.sleep(0)

        for text in ("raises", "cancels"):
            await queue.send(text, message_id=text)
        async with working(queue, "w", handler):
            got = {(await handled.get())[0] for _ in range(2)}
        return got, queue.failed, [str(error) for error in queue.errors]

    assert alone(world, body) == ({"raises", "cancels"}, 2, ["it was cancelled from within"] * 2)


def test_a_worker_that_is_cancelled_ends_its_handler_first(world: World) -> None:
    """Also one that takes its time to clear up: nothing of it runs on afterwards."""

    async def body(redis: Redis) -> Any:
        queue, begun, said = queue_of(redis), asyncio.Event(), list[str]()

        async def handler(message_id: str, text: str) -> None:
            try:
                begun.set()
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.02)
                said.append("cleared up")

        await queue.send("text", message_id="m")
        async with working(queue, "w", handler):
            await begun.wait()
        return said, queue.failed

    assert alone(world, body) == (["cleared up"], 0)


def test_a_slow_handler_keeps_its_message(world: World) -> None:
    """It takes many times claim_after, beside an idle worker: no second handler begins, and no dead letter is left."""

    async def body(redis: Redis) -> Any:
        queue, begun = queue_of(redis, claim_after=0.3, block=0.02, max_deliveries=1), list[str]()

        async def slow(message_id: str, text: str) -> None:
            begun.append(message_id)
            await asyncio.sleep(1.0)

        await queue.send("text", message_id="m")
        async with working(queue, "a", slow), working(queue, "b", slow):
            await asyncio.sleep(0.1)
            await wait_until(lambda: nothing_pending(redis))
        return begun, queue.failed, await redis.exists(queue.dead)

    assert alone(world, body) == (["m"], 0, 0)


def test_extending_takes_nothing_from_another_worker(world: World) -> None:
    """A worker that was cut off for longer than claim_after, and whose message another has by now."""

    async def body(redis: Redis) -> Any:
        queue = queue_of(redis, claim_after=0.03)
        await queue.send("text", message_id="m")
        await redis.xgroup_create("jobs", "workers", "0")
        await redis.xreadgroup("workers", "other", {"jobs": ">"})
        [entry] = [entry for entry, _ in await redis.xrange("jobs")]
        async with queue._holding("me", entry):
            await asyncio.sleep(0.1)
        return [one["consumer"] for one in await redis.xpending_range("jobs", "workers", "-", "+", 9)]

    assert alone(world, body) == ["other"]


def test_what_a_worker_left_is_handled_by_another(world: World) -> None:
    """A worker that ends in the middle of a message; the next one gets it once claim_after has passed."""

    async def body(redis: Redis) -> Any:
        queue, begun, handled = queue_of(redis, claim_after=0.05), asyncio.Event(), asyncio.Queue[Message]()

        async def stuck(message_id: str, text: str) -> None:
            begun.set()
            await asyncio.sleep(3600)

        await queue.send("text", message_id="m")
        async with working(queue, "first", stuck):
            await begun.wait()
        async with working(queue, "second", lambda *message: handled.put(message)):
            return await handled.get()

    assert alone(world, body) == ("m", "text")


def test_no_worker_gets_what_another_has_for_less_than_claim_after(world: World) -> None:
    """Two workers, one message that takes long: it is handled once."""

    async def body(redis: Redis) -> list[str]:
        queue, begun = queue_of(redis, claim_after=60, block=0.02), list[str]()

        async def slow(message_id: str, text: str) -> None:
            begun.append(message_id)
            await asyncio.sleep(0.2)

        async with working(queue, "a", slow), working(queue, "b", slow):
            await queue.send("text", message_id="m")
            await wait_until(lambda: redis.exists("jobs"))
            await asyncio.sleep(0.3)
        return begun

    assert alone(world, body) == ["m"]


def test_tidy_keeps_what_any_group_has_yet_to_handle(world: World) -> None:
    """Entries go once each group is past them; ids are compared as numbers, so 9-1 comes before 10-0."""

    async def body(redis: Redis) -> Any:
        queue, kept = queue_of(redis), list[list[str]]()
        assert await queue.tidy() == 0  # there is no stream

        async def tidied() -> int:
            removed = await queue.tidy()
            kept.append([entry for entry, _ in await redis.xrange("jobs")])
            return removed

        for entry in ("9-1", "10-0", "10-2", "100-0"):
            message: Any = {"id": entry, "text": entry}
            await redis.xadd("jobs", message, id=entry)
        removed = [await tidied()]  # nobody reads it, so nobody has handled anything
        for group in ("workers", "others"):
            await redis.xgroup_create("jobs", group, "0")
        await redis.xreadgroup("workers", "w", {"jobs": ">"}, count=3)
        await redis.xack("jobs", "workers", "9-1", "10-2")
        removed.append(await tidied())  # the others have read nothing
        await redis.xreadgroup("others", "o", {"jobs": ">"}, count=3)
        await redis.xack("jobs", "others", "9-1", "10-0", "10-2")
        removed.append(await tidied())  # 10-0 is pending
        await redis.xack("jobs", "workers", "10-0")
        removed.append(await tidied())  # both stand at 10-2; it is the last that was delivered, and stays
        return removed, kept

    all_four, two_groups = ["9-1", "10-0", "10-2", "100-0"], [0, 0, 1, 1]
    assert alone(world, body) == (two_groups, [all_four, all_four, all_four[1:], all_four[2:]])


def test_tidy_removes_consumers_that_are_gone_and_hold_nothing(world: World) -> None:
    """One that holds a message stays with it, and one that reads stays too; else the message would be lost."""

    async def body(redis: Redis) -> Any:
        queue, handled = queue_of(redis, claim_after=0.5), asyncio.Queue[Message]()
        await queue.send("text", message_id="m")
        await redis.xgroup_create("jobs", "workers", "0")
        await redis.xreadgroup("workers", "holding", {"jobs": ">"})
        await redis.xgroup_createconsumer("jobs", "workers", "gone")
        before = await names(redis)
        await wait_until(lambda: idle(redis, "gone", 501))
        await queue.tidy()
        after = await names(redis)
        async with working(queue, "next", lambda *message: handled.put(message)):
            return before, after, await handled.get()

    assert alone(world, body) == ({"holding", "gone"}, {"holding"}, ("m", "text"))


async def names(redis: Redis) -> set[str]:
    return {consumer["name"] for consumer in await redis.xinfo_consumers("jobs", "workers")}


async def idle(redis: Redis, name: str, least_ms: int) -> bool:
    found = {consumer["name"]: consumer["idle"] for consumer in await redis.xinfo_consumers("jobs", "workers")}
    return bool(found[name] > least_ms)


def test_once_applies_an_effect_once(world: World) -> None:
    """However often and however many at once; the mark goes away by itself. Another mark is another effect."""

    async def body(redis: Redis) -> Any:
        await asyncio.gather(*(once(redis, "done:m", lambda pipe: pipe.incr("n"), remember=60) for _ in range(20)))
        await once(redis, "done:m", lambda pipe: pipe.incr("n"), remember=60)
        await once(redis, "done:other", lambda pipe: pipe.incrby("n", 10), remember=60)
        return await redis.get("n"), 0 < await redis.pttl("done:m") <= 60_000

    assert alone(world, body) == ("11", True)


def test_an_effect_that_cannot_be_described_is_not_marked(world: World) -> None:
    """`effect` itself raises: nothing was sent, and the next try applies it."""

    async def body(redis: Redis) -> Any:
        def broken(pipe: object) -> None:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            await once(redis, "done:m", broken, remember=60)
        await once(redis, "done:m", lambda pipe: pipe.incr("n"), remember=60)
        return await redis.get("n")

    assert alone(world, body) == "1"


def test_pubsub_reaches_those_who_listen_and_nobody_else(world: World) -> None:
    """PUBLISH says how many heard it; what nobody heard is gone; None says from when on one listens."""

    async def body(redis: Redis) -> Any:
        counts = [await redis.publish("news", "before")]
        async with asyncio.timeout(20):
            async for heard in listen(redis, "news"):
                if heard is None:
                    counts.append(await redis.publish("news", "hello"))
                else:
                    return counts, heard
        return None

    assert alone(world, body) == ([0, 1], "hello")


def test_round_trips_are_what_the_docstring_claims(world: World) -> None:
    """Sending: one. A message: one to read it, one to acknowledge it and to look for one that was left over."""

    async def body(redis: Redis) -> tuple[int, int, int]:
        queue, handled = queue_of(redis, block=1), asyncio.Event()
        for _ in range(5):
            await queue.send("text")  # the server learns the script
        start = len(world.trace)
        await queue.send("last", message_id="last")
        sent = len(world.trace)
        stop = list[int]()

        async def handler(message_id: str, text: str) -> None:
            stop.append(len(world.trace))
            if message_id == "last":
                handled.set()

        async with working(queue, "w", handler):
            await handled.wait()
            taken = world.trace.events[stop[0] : stop[-1]]
        return round_trips(world.trace.events[start:sent]), round_trips(taken), len(stop)

    assert alone(world, body) == (1, 10, 6)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"claim_after": 0}, "claim_after is 0; accepted: seconds"),
        ({"block": float("nan")}, "block is nan"),
        ({"remember": -1}, "remember is -1"),
        ({"max_deliveries": 0}, "max_deliveries is 0; accepted: an int above 0"),
        ({"max_deliveries": 1.5}, "max_deliveries is 1.5"),
    ],
)
def test_refuses_what_the_docstring_does_not_accept(policy: dict[str, Any], said: str) -> None:
    """The error names the argument, its value and what is accepted."""
    with pytest.raises(BadArgument, match=said):
        queue_of(Simulated().redis(), **policy)


def test_refuses_a_client_that_answers_in_bytes() -> None:
    with pytest.raises(BadArgument, match="decode_responses=True"):
        queue_of(Simulated(decode_responses=False).redis())


@pytest.mark.parametrize("stream", ["jobs", "shop:{orders}:paid", "a b", "{x}"])
def test_in_a_cluster_each_script_finds_its_keys_in_one_slot(stream: str) -> None:
    world = Simulated()

    async def body(redis: Redis) -> None:
        queue, handled = WorkQueue(redis, stream, claim_after=1), asyncio.Queue[Message]()
        await queue.send("text", message_id="{m}")
        async with working(queue, "w", lambda *message: handled.put(message)):
            await handled.get()
        await queue.tidy()

    alone(world, body)
    assert all(len(slot) == 1 for slot in slots(world))


def slots(world: Simulated) -> list[set[int]]:
    """For each script that was called, the hash slots of its keys."""
    calls = [event.command for event in world.trace if event.name == "EVALSHA"]
    return [{key_slot(key) for key in command[3 : 3 + int(command[2])]} for command in calls]


@pytest.mark.parametrize("groups", [("ahead", "behind"), ("behind", "ahead")])
def test_tidy_compares_numbers_of_unequal_length(world: World, groups: tuple[str, str]) -> None:
    """1000-9 comes before 1000-10, though not as text: what one group has yet to acknowledge stays, in either order."""

    async def body(redis: Redis) -> list[str]:
        queue = queue_of(redis)
        for entry in ("1000-9", "1000-10"):
            message: Any = {"id": entry, "text": entry}
            await redis.xadd("jobs", message, id=entry)
        for group in groups:
            await redis.xgroup_create("jobs", group, "0")
            await redis.xreadgroup(group, "c", {"jobs": ">"})
            await redis.xack("jobs", group, *(["1000-9", "1000-10"] if group == "ahead" else ["1000-10"]))
        await queue.tidy()
        return [entry for entry, _ in await redis.xrange("jobs")]

    assert alone(world, body) == ["1000-9", "1000-10"]


def test_a_worker_ends_when_it_is_cancelled_once(server: Server) -> None:
    """Even where redis-py swallows the cancellation, as it may before Python 3.12: at whatever point it comes."""

    async def body() -> int:
        left = 0
        for at in range(20):
            async with Redis.from_url(server.url, decode_responses=True) as redis:
                queue = queue_of(redis)
                workers = [asyncio.create_task(queue.run(f"w{n}", lambda *_: asyncio.sleep(0))) for n in range(4)]
                await asyncio.sleep(0.05 + at / 400)
                for worker in workers:
                    worker.cancel()
                left += len((await asyncio.wait(workers, timeout=5))[1])
                for worker in workers:
                    await stopped(worker)
        return left

    assert asyncio.run(body()) == 0


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_an_effect_that_would_have_to_be_awaited_is_refused(world: World) -> None:
    """It would queue nothing, and its mark would say that it was applied."""

    async def body(redis: Redis) -> int:
        async def effect(pipe: Any) -> None:
            pipe.incr("n")

        with pytest.raises(BadArgument, match="effect is .*; accepted: a plain function"):
            await once(redis, "done:m", effect, remember=60)
        return await redis.exists("done:m", "n")

    assert alone(world, body) == 0
