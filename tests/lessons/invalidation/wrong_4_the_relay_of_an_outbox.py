"""Wrong programs for 06.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

Step = Callable[[Any, Any, int, str], Awaitable[Any]]


async def delete(redis: Any, outbox: Any, id: int, key: str) -> Any:
    return await redis.delete(key)


async def publish(redis: Any, outbox: Any, id: int, key: str) -> Any:
    return await redis.publish("invalidated", key)


async def mark(redis: Any, outbox: Any, id: int, key: str) -> Any:
    return await outbox.done(id)


def relay_of(
    *steps: Step, batches: int | None = None, order: Callable[[list[Any]], list[Any]] = list,
    told: Callable[[int], Any] = int, drops: tuple[type[Exception], ...] = (), again: bool = False,
) -> Any:  # fmt: skip
    """A relay that does these steps for each note, with one thing done otherwise; by default as it should be.

    `drops`: errors that end the steps of a note, and nothing else; with `again` they are tried once more.
    """

    async def relay(redis: Any, outbox: Any) -> Any:
        marked = asked = 0
        while (batches is None or asked < batches) and (notes := await outbox.pending()):
            asked += 1
            for id, key in order(notes):
                for step in steps or (delete, publish, mark):
                    try:
                        await step(redis, outbox, id, key)
                    except drops:
                        if again:
                            await step(redis, outbox, id, key)
                marked += 1
        return told(marked)

    return relay


right = relay_of()


async def drops_all(redis: Any, outbox: Any) -> Any:
    try:
        return await right(redis, outbox)
    except Exception:
        return 0


WRONG = [
    ("marks-first", relay_of(mark, delete, publish)),
    ("publishes-first", relay_of(publish, delete, mark)),
    ("never-publishes", relay_of(delete, mark)),
    ("one-batch", relay_of(batches=1)),
    ("swallows-errors", drops_all),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def marks_meanwhile(redis: Any, outbox: Any, id: int, key: str) -> None:
    await asyncio.gather(redis.delete(key), redis.publish("invalidated", key), outbox.done(id))


async def deletes_in_the_background(redis: Any, outbox: Any, id: int, key: str) -> None:
    vars(deletes_in_the_background)["task"] = asyncio.ensure_future(redis.delete(key))


async def both_at_once(redis: Any, outbox: Any, id: int, key: str) -> None:
    """Published, and then deleted, in one transaction."""
    async with redis.pipeline() as pipe:
        await pipe.publish("invalidated", key).delete(key).execute()


async def to_its_own_channel(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.publish(f"invalidated:{key}", key)


async def the_id(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.publish("invalidated", id)


async def lets_it_expire(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.pexpire(key, 50)


async def empties(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.set(key, "")


async def what_begins_so(redis: Any, outbox: Any, id: int, key: str) -> None:
    await redis.delete(*await redis.keys(f"{key}*") or [key])


async def a_whole_batch_first(redis: Any, outbox: Any) -> int:
    """All notes of a batch are marked, when only the last was published."""
    marked = 0
    while notes := await outbox.pending():
        for _, key in notes:
            await redis.delete(key)
        await redis.publish("invalidated", notes[-1][1])
        for id, _ in notes:
            await outbox.done(id)
        marked += len(notes)
    return marked


async def knows_what_it_did(redis: Any, outbox: Any) -> int:
    """A key that was done in this pass is not done again, though it may have been noted again."""
    marked, known = 0, set[str]()
    while notes := await outbox.pending():
        for id, key in notes:
            if key not in known:
                await redis.delete(key)
                await redis.publish("invalidated", key)
                known.add(key)
            await outbox.done(id)
            marked += 1
    return marked


async def stops_at_a_short_one(redis: Any, outbox: Any) -> int:
    """Fewer than five means that there are no more; but more may come meanwhile."""
    marked = 0
    while True:
        notes = await outbox.pending()
        for id, key in notes:
            await redis.delete(key)
            await redis.publish("invalidated", key)
            await outbox.done(id)
            marked += 1
        if len(notes) < 5:
            return marked


async def counts_all(redis: Any, outbox: Any) -> int:
    """The number of batches."""
    marked = 0
    while notes := await outbox.pending():
        for id, key in notes:
            await redis.delete(key)
            await redis.publish("invalidated", key)
            await outbox.done(id)
        marked += 1
    return marked


async def at_once(redis: Any, outbox: Any) -> int:
    marked = 0

    async def one(place: int, id: int, key: str) -> None:
        await asyncio.sleep(0.01 * (5 - place))
        await redis.delete(key)
        await redis.publish("invalidated", key)
        await outbox.done(id)

    while notes := await outbox.pending():
        await asyncio.gather(*(one(place, *note) for place, note in enumerate(notes)))
        marked += len(notes)
    return marked


async def remembers_where_it_was(redis: Any, outbox: Any) -> int:
    """What is noted in Redis itself is a key of its own."""
    marked = await right(redis, outbox)
    await redis.set("relay:last", marked)
    return marked


async def asks_for_the_last(redis: Any, outbox: Any) -> int:
    """The last note of a batch is left for the next, and the very last one for ever."""
    marked = 0
    while len(notes := await outbox.pending()) > 1:
        for id, key in notes[:-1]:
            await redis.delete(key)
            await redis.publish("invalidated", key)
            await outbox.done(id)
            marked += 1
    return marked


class Database(Exception):
    """An error of the relay's own."""


async def its_own_error(redis: Any, outbox: Any) -> Any:
    try:
        return await right(redis, outbox)
    except Exception as error:
        if isinstance(error, RedisError):
            raise
        raise Database("the pass failed") from error


async def marks_what_failed(redis: Any, outbox: Any, id: int, key: str) -> None:
    try:
        await redis.delete(key)
        await redis.publish("invalidated", key)
    finally:
        await outbox.done(id)


async def publishes_if_it_was_there(redis: Any, outbox: Any, id: int, key: str) -> None:
    """After a first delete whose reply was lost, there may be nothing left to delete."""
    with suppress(RedisError):
        if await redis.delete(key):
            await redis.publish("invalidated", key)


async def publishes_what_was_there(redis: Any, outbox: Any, id: int, key: str) -> None:
    """A page that has expired may still be near to somebody."""
    if await redis.delete(key):
        await redis.publish("invalidated", key)


async def publishes_backward(redis: Any, outbox: Any) -> int:
    marked = 0
    while notes := await outbox.pending():
        for _, key in notes:
            await redis.delete(key)
        for _, key in reversed(notes):
            await redis.publish("invalidated", key)
        for id, _ in notes:
            await outbox.done(id)
        marked += len(notes)
    return marked


BEGUN = set[int]()
PASSES = {"under way": 0, "marked": 0}


async def once_in_a_process(redis: Any, outbox: Any, id: int, key: str) -> None:
    """What a pass has begun, the next one in this process takes as done."""
    if id not in BEGUN:
        BEGUN.add(id)
        await redis.delete(key)
        await redis.publish("invalidated", key)


async def one_pass_a_process(redis: Any, outbox: Any) -> int:
    """After a pass that failed, there is never another."""
    if PASSES["under way"]:
        return 0
    PASSES["under way"] = 1
    marked: int = await right(redis, outbox)
    PASSES["under way"] = 0
    return marked


async def counts_on(redis: Any, outbox: Any, id: int, key: str) -> None:
    PASSES["marked"] += 1
    await outbox.done(id)


SUBTLE: list[tuple[Any, ...]] = [
    ("marks meanwhile", "done", relay_of(marks_meanwhile), "marks-first"),
    ("deletes in the background", "done", relay_of(deletes_in_the_background, publish, mark)),
    ("published, then deleted", "done", relay_of(both_at_once, mark), "publishes-first"),
    ("to its own channel", "done", relay_of(delete, to_its_own_channel, mark)),
    ("the id", "done", relay_of(delete, the_id, mark)),
    ("lets it expire", "done", relay_of(lets_it_expire, publish, mark)),
    ("empties", "others", relay_of(empties, publish, mark)),
    ("what begins so", "others", relay_of(what_begins_so, publish, mark)),
    ("a whole batch first", "done", a_whole_batch_first),
    ("knows what it did", "done", knows_what_it_did),
    ("stops at a short one", "ends", stops_at_a_short_one),
    ("a hundred batches", "ends", relay_of(batches=100)),
    ("the number of batches", "ends", counts_all),
    ("returns nothing", "ends", relay_of(told=lambda marked: None)),
    ("one more", "ends", relay_of(told=lambda marked: marked + 1)),
    ("the newest first", "order", relay_of(order=lambda notes: notes[::-1])),
    ("by the key", "order", relay_of(order=lambda notes: sorted(notes, key=lambda note: note[1]))),
    ("all at once", "order", at_once),
    ("a key of its own", "others", remembers_where_it_was),
    ("leaves the last", "again", asks_for_the_last),
    ("its own error", "errors", its_own_error),
    ("marks what failed", "done", relay_of(marks_what_failed)),
    ("skips what fails", "done", relay_of(drops=(RedisError,)), "swallows-errors"),
    ("publishes if it was there", "done", relay_of(publishes_if_it_was_there, mark), "swallows-errors"),
    ("drops errors of the mark", "errors", relay_of(drops=(Exception,)), "swallows-errors"),
    ("twice", "once", relay_of(delete, publish, delete, publish, mark)),
    ("publishes what was there", "done", relay_of(publishes_what_was_there, mark)),
    ("publishes backward", "order", publishes_backward),
    ("once in a process", "done", relay_of(once_in_a_process, mark)),
    ("one pass a process", "again", one_pass_a_process),
    ("counts on", "ends", relay_of(delete, publish, counts_on, told=lambda marked: PASSES["marked"])),
    ("deletes before and after", "once", relay_of(delete, publish, delete, mark)),
]
