"""Wrong programs for 07.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

PARCELS, GROUP, DEAD = "app:parcels", "packers", "app:parcels:dead"


def in_ms(seconds: float) -> int:
    return round(seconds * 1000)


async def sets_aside(redis: Any, entry: str, fields: dict[str, str]) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xadd(DEAD, fields)
        pipe.xack(PARCELS, GROUP, entry)
        await pipe.execute()


async def packs(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    try:
        await pack(parcel)
    except Exception:
        return
    await redis.xack(PARCELS, GROUP, entry)


def worker(
    packs: Callable[..., Any] = packs, *, idle: Callable[[float], int] = in_ms, sure: Callable[[float], int] = in_ms,
    claims: bool = True, read: int | None = 1, page: int = 10,
    spent: Callable[[int, int], bool] = lambda times, most: times >= most, aside: Callable[..., Any] = sets_aside,
    name: Callable[[str], str] = str, whose: Callable[[str], str | None] = lambda me: None, rounds: int = 1_000,
    enough: Callable[[Any, Any], bool] = lambda left, new: not left and not new,
    block: int | None = None, noack: bool = False,
) -> Any:  # fmt: skip
    """The answer with one thing done otherwise; by default as it should be."""

    async def work(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
        for _ in range(rounds):
            left = await redis.xpending_range(
                PARCELS, GROUP, min="-", max="+", count=page, idle=idle(claim_after), consumername=whose(me)
            ) if claims else []  # fmt: skip
            for row in left:
                taken = await redis.xclaim(PARCELS, GROUP, name(me), sure(claim_after), [row["message_id"]])
                for entry, fields in taken:
                    if spent(row["times_delivered"], most):
                        await aside(redis, entry, fields)
                    else:
                        await packs(redis, pack, entry, fields["parcel"])
            new = await redis.xreadgroup(GROUP, name(me), {PARCELS: ">"}, count=read, block=block, noack=noack)
            for entry, fields in new[0][1] if new else ():
                await packs(redis, pack, entry, fields["parcel"])
            if enough(left, new):
                return

    return work


async def acknowledges_first(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    await redis.xack(PARCELS, GROUP, entry)
    with suppress(Exception):
        await pack(parcel)


async def acknowledges_always(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    try:
        await pack(parcel)
    except Exception:
        pass
    finally:
        await redis.xack(PARCELS, GROUP, entry)


async def lets_it_out(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    await pack(parcel)
    await redis.xack(PARCELS, GROUP, entry)


async def reads_its_own_first(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """What a worker was given before it died is its own, says many a tutorial; it does not ask how long ago."""
    own = await redis.xreadgroup(GROUP, me, {PARCELS: "0"})
    for entry, fields in own[0][1] if own else ():
        if fields:
            await packs(redis, pack, entry, fields["parcel"])
    await worker()(redis, me, pack, claim_after=claim_after, most=most)


WRONG = [
    ("acknowledges-first", worker(acknowledges_first)),
    ("acknowledges-what-failed", worker(acknowledges_always)),
    ("never-claims", worker(claims=False)),
    ("takes-it-at-once", worker(idle=lambda seconds: 0, sure=lambda seconds: 0, rounds=6)),
    ("takes-it-at-once", worker(idle=int, sure=int)),
    ("reads-its-own", reads_its_own_first),
    ("stops-at-a-failure", worker(lets_it_out)),
    ("reads-many", worker(read=10)),
    ("reads-many", worker(read=None)),
    ("never-sets-aside", worker(spent=lambda times, most: False)),
    ("one-too-many", worker(spent=lambda times, most: times > most)),
    ("one-too-many", worker(spent=lambda times, most: times >= most - 1)),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def swallows(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    """Also what XACK says."""
    with suppress(Exception):
        await pack(parcel)
        await redis.xack(PARCELS, GROUP, entry)


async def tries_three_times(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    for _ in range(3):
        try:
            await pack(parcel)
        except Exception:
            continue
        await redis.xack(PARCELS, GROUP, entry)
        return


async def ends_quietly(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    with suppress(RedisError):
        await worker()(redis, me, pack, claim_after=claim_after, most=most)


async def acknowledges_then_adds(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xack(PARCELS, GROUP, entry)
    await redis.xadd(DEAD, fields)


async def only_adds(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xadd(DEAD, fields)


async def leaves_it(redis: Any, entry: str, fields: dict[str, str]) -> None:
    """Nobody packs it, and nobody learns of it."""


async def only_acknowledges(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xack(PARCELS, GROUP, entry)


async def adds_why(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await sets_aside(redis, entry, fields | {"entry": entry})


async def adds_the_entry(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await sets_aside(redis, entry, {"parcel": entry})


async def keeps_a_hundred(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xadd(DEAD, fields, maxlen=1, approximate=False)
    await redis.xack(PARCELS, GROUP, entry)


async def keeps_a_thousand(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.xadd(DEAD, fields, maxlen=1_000)
    await redis.xack(PARCELS, GROUP, entry)


def nine_tenths(seconds: float) -> int:
    return round(seconds * 900)


async def a_list_of_the_dead(redis: Any, entry: str, fields: dict[str, str]) -> None:
    await redis.rpush("app:parcels:dead:list", fields["parcel"])
    await sets_aside(redis, entry, fields)


def by_autoclaim(*, count: int | None = None, until: Any = None, loops: bool = True, justid: bool = False) -> Any:
    """XAUTOCLAIM, page by page; how often an entry was given is asked for each."""

    async def work(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
        cursor = "0-0"
        while True:
            page = await redis.xautoclaim(PARCELS, GROUP, me, in_ms(claim_after), cursor, count=count, justid=justid)
            cursor, entries = ("0-0" if len(page) < 10 else page[-1], page) if justid else page[:2]
            for entry in entries:
                entry, fields = (entry, (await redis.xrange(PARCELS, entry, entry))[0][1]) if justid else entry
                row = (await redis.xpending_range(PARCELS, GROUP, entry, entry, 1))[0]
                if row["times_delivered"] > most - justid:
                    await sets_aside(redis, entry, fields)
                else:
                    await packs(redis, pack, entry, fields["parcel"])
            if not loops or cursor == "0-0" or (until is not None and until(entries)):
                break
        await worker(claims=False)(redis, me, pack, claim_after=claim_after, most=most)

    return work


async def looks_into_the_stream(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """An entry that was cut off is not there."""
    for row in await redis.xpending_range(PARCELS, GROUP, min="-", max="+", count=1000, idle=in_ms(claim_after)):
        (found,) = await redis.xrange(PARCELS, row["message_id"], row["message_id"])
        if row["times_delivered"] >= most:
            await sets_aside(redis, *found)
        elif await redis.xclaim(PARCELS, GROUP, me, in_ms(claim_after), [found[0]]):
            await packs(redis, pack, found[0], found[1]["parcel"])
    await worker(claims=False)(redis, me, pack, claim_after=claim_after, most=most)


FAILED: dict[str, int] = {}


async def counts_by_itself(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    """How often packing failed, it keeps in its memory."""

    async def counted(redis: Any, pack: Any, entry: str, parcel: str) -> None:
        FAILED[entry] = FAILED.get(entry, 0) + 1
        if FAILED[entry] > most:
            await sets_aside(redis, entry, {"parcel": parcel})
        else:
            await packs(redis, pack, entry, parcel)

    await worker(counted, spent=lambda *_: False)(redis, me, pack, claim_after=claim_after, most=most)


async def acknowledges_in_the_end(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    done: list[str] = []

    async def remembered(redis: Any, pack: Any, entry: str, parcel: str) -> None:
        with suppress(Exception):
            await pack(parcel)
            done.append(entry)

    await worker(remembered)(redis, me, pack, claim_after=claim_after, most=most)
    if done:
        await redis.xack(PARCELS, GROUP, *done)


async def tells_errors_apart(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    """What looks like an error of redis is one, it thinks; but `pack` can raise such, too."""
    try:
        await pack(parcel)
    except RedisError:
        raise
    except Exception:
        return
    await redis.xack(PARCELS, GROUP, entry)


PACKED = set[str]()


async def knows_what_it_packed(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    """It never acknowledges what it has packed, if its first attempt to do so failed."""
    if entry not in PACKED:
        with suppress(Exception):
            await pack(parcel)
            PACKED.add(entry)
        if entry in PACKED:
            await redis.xack(PARCELS, GROUP, entry)


TRIED = set[str]()


async def skips_what_it_tried(redis: Any, pack: Any, entry: str, parcel: str) -> None:
    if entry not in TRIED:
        TRIED.add(entry)
        return await packs(redis, pack, entry, parcel)
    await redis.xack(PARCELS, GROUP, entry)


async def one_letter_each(redis: Any, entry: str, fields: dict[str, str]) -> None:
    """A parcel that was sent again after it was set aside has a dead letter already."""
    if fields["parcel"] in {held["parcel"] for _, held in await redis.xrange(DEAD)}:
        await redis.xack(PARCELS, GROUP, entry)
    else:
        await sets_aside(redis, entry, fields)


async def a_hundred_new_ones(redis: Any, me: str, pack: Any, *, claim_after: float, most: int) -> None:
    await worker(enough=lambda left, new: not left)(redis, me, pack, claim_after=claim_after, most=most)
    for _ in range(100):
        for _, entries in await redis.xreadgroup(GROUP, me, {PARCELS: ">"}, count=1):
            for entry, fields in entries:
                await packs(redis, pack, entry, fields["parcel"])


SUBTLE = [
    ("swallows what XACK says", "errors", worker(swallows)),
    ("ends quietly", "errors", ends_quietly),
    ("tells errors apart", "fails", worker(tells_errors_apart), "stops-at-a-failure"),
    ("knows what it packed", "dead", worker(knows_what_it_packed)),
    ("one letter each", "after", worker(aside=one_letter_each)),
    ("a hundred new ones", "every", a_hundred_new_ones),
    ("tries three times", "dead", worker(tries_three_times)),
    ("whole seconds", "alone", worker(idle=lambda seconds: int(seconds) * 1000,
    sure=lambda s: int(s) * 1000), "takes-it-at-once"),
    ("does not ask again", "once", worker(sure=lambda seconds: 0)),
    ("twice as long", "every", worker(idle=lambda seconds: round(seconds * 2000))),
    ("one more ms", "every", worker(sure=lambda seconds: round(seconds * 3000), rounds=6)),
    ("one round", "every", worker(rounds=1)),
    ("two hundred rounds", "every", worker(rounds=200)),
    ("waits for 80 ms", "every", worker(block=80)),
    ("nine tenths", "alone", worker(idle=nine_tenths, sure=nine_tenths)),
    ("skips what it tried", "after", worker(skips_what_it_tried), "acknowledges-what-failed"),
    ("until nothing is new", "every", worker(enough=lambda left, new: not new)),
    ("until nothing is left", "every", worker(enough=lambda left, new: not left)),
    ("its own alone", "every", worker(whose=str)),
    ("others alone", "every", worker(whose=lambda me: "gone")),
    ("one name for all", "alone", worker(name=lambda me: "worker")),
    ("without acknowledgment", "after", worker(noack=True)),
    ("acknowledges, then adds", "after", worker(aside=acknowledges_then_adds)),
    ("only adds", "dead", worker(aside=only_adds)),
    ("drops them", "after", worker(aside=only_acknowledges)),
    ("adds why", "dead", worker(aside=adds_why)),
    ("adds the entry", "after", worker(aside=adds_the_entry)),
    ("keeps the last", "dead", worker(aside=keeps_a_hundred)),
    ("keeps the last thousand", "dead", worker(aside=keeps_a_thousand)),
    ("a list, too", "after", worker(aside=a_list_of_the_dead)),
    ("one page of XAUTOCLAIM", "every", by_autoclaim(count=None, loops=False)),
    ("until a page is empty", "every", by_autoclaim(count=1, until=lambda entries: not entries)),
    ("takes them, and that is all", "dead", worker(aside=leaves_it)),
    ("waits until they are old", "every", worker(idle=lambda seconds: 0)),
    ("two at once", "once", worker(read=2), "reads-many"),
    ("JUSTID", "dead", by_autoclaim(count=10, justid=True)),
    ("a page of XAUTOCLAIM at once", "once", by_autoclaim(count=10)),
    ("looks into the stream", "every", looks_into_the_stream),
    ("counts by itself", "dead", counts_by_itself, "never-sets-aside"),
    ("acknowledges in the end", "once", acknowledges_in_the_end),
]  # fmt: skip
