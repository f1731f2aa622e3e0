"""loadlock.py: where the lock lives, what its script does in every world, and how work ends under cancellation."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.errors import BadArgument
from course_lib.patterns.basics import uninterrupted
from course_lib.patterns.loadlock import LoadLock, lock_name
from course_lib.worlds import Simulated, World

from .crowd import CancelledAt, alone, awaited

KEYS = st.text(min_size=1) | st.text(alphabet="{}:ab", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("key", "lock"),
    [
        ("user:7", "lock:{user:7}"),
        ("{user:7}:page", "lock:{user:7}:page"),
        ("page:{user:7}", "lock:page:{user:7}"),
        ("{a}{b}", "lock:{a}{b}"),
        ("odd{brace", "lock:{odd{brace}"),
    ],
)
def test_a_lock_is_named_after_its_key(key: str, lock: str) -> None:
    assert lock_name(key) == lock


@given(KEYS)
def test_a_lock_shares_its_keys_hash_slot(key: str) -> None:
    """Or the key is refused; the slot is computed by redis-py's own CRC16."""
    try:
        lock = lock_name(key)
    except BadArgument:
        assume(False)
    assert key_slot(lock.encode()) == key_slot(key.encode())


@given(KEYS)
def test_a_plain_prefix_is_another_slot(key: str) -> None:
    """The control: without a tag, `lock:` + key is elsewhere, except by one chance in 16,384."""
    assume("{" not in key and "}" not in key)
    assume(key_slot(f"lock:{key}".encode()) != key_slot(key.encode()))
    assert key_slot(lock_name(key).encode()) == key_slot(key.encode())


@pytest.mark.parametrize("key", ["", "{}page", "a}b", "}{"])
def test_refuses_a_key_whose_slot_no_tag_can_name(key: str) -> None:
    with pytest.raises(BadArgument, match="key is "):
        lock_name(key)


@given(st.text(alphabet="ab:{", min_size=1) | st.from_regex(r"[ab:]*\{[ab]+\}[ab:}]*", fullmatch=True))
def test_accepts_every_key_without_a_stray_brace(key: str) -> None:
    """No } at all, or a hash tag."""
    assert lock_name(key).startswith("lock:")


def test_the_script_stores_only_for_the_holder(world: World) -> None:
    """In every world: the holder's end stores and frees; another's end, or a late one, changes nothing."""

    async def body(redis: Redis) -> list[object]:
        seen: list[object] = []
        mine, other = (
            LoadLock(redis, "page", token, ttl=60, lock_ttl=60, absent_ttl=60) for token in ("mine", "other")
        )
        seen.append((await mine.take()).holder)
        seen.append((await other.take()).holder)
        await other._end("theirs", 1000)
        seen.append(await mine.look())
        await mine._end("ours", 1000)
        seen.append(await mine.look())
        await mine._end("late", 1000)
        seen.append(await mine.look())
        seen.append(0 < await redis.pttl("page") <= 1000)
        return seen

    held, ended = (None, "mine", False), ("ours", None, True)
    assert alone(world, body) == ["mine", "mine", held, ended, ended, True]


@pytest.mark.parametrize("at", range(1, 5))
def test_uninterrupted_work_ends_and_the_cancellation_comes_out(at: int) -> None:
    """Cancelled at any of its awaits, once or repeatedly; `await work`, the control, is cut short."""

    async def body(redis: Redis, shielded: bool) -> tuple[bool, bool]:
        done = False

        async def work() -> None:
            nonlocal done
            await asyncio.sleep(1)
            done = True

        async def careful() -> None:
            await uninterrupted(work())

        async def careless() -> None:
            await work()

        try:
            await asyncio.create_task(awaited(CancelledAt(careful() if shielded else careless(), *range(1, at + 1))))
        except asyncio.CancelledError:
            return done, True
        return done, False

    assert alone(Simulated(), lambda redis: body(redis, True)) == (True, True)
    assert alone(Simulated(), lambda redis: body(redis, False)) == (False, True)


def test_uninterrupted_work_may_fail() -> None:
    """Its error comes out, and its result."""

    async def body(redis: Redis) -> str:
        async def work(fail: bool) -> str:
            if fail:
                raise KeyError("no")
            return "yes"

        with pytest.raises(KeyError):
            await uninterrupted(work(True))
        return await uninterrupted(work(False))

    assert alone(Simulated(), body) == "yes"
