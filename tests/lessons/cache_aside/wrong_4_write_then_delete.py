"""Wrong programs for 00.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NoReply


async def twice(redis: Any, key: str) -> bool:
    """Delete, and once more if that fails."""
    for _ in range(2):
        try:
            await redis.delete(key)
            return True
        except RedisError:
            pass
    return False


async def right(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except BaseException:
        await twice(redis, key)
        raise
    return await twice(redis, key)


Delete = Callable[[Any, str], Awaitable[Any]]


async def delete(redis: Any, key: str) -> Any:
    return await redis.delete(key)


def deleting(
    by: Delete = delete, *, tries: int = 2, errors: Any = RedisError, stops: bool = True, rest: float = 0.0,
    answered: Callable[[Any, int], bool] = lambda reply, number: True,
    failed: Callable[[RedisError], bool] = lambda error: False,
) -> Any:  # fmt: skip
    """An answer that saves, and deletes in any case, with one part of it replaced; by default as it should be."""

    async def change(redis: Any, key: str, page: str, save: Any) -> bool:
        gone = False
        try:
            await save(page)
        finally:
            for number in range(tries):
                try:
                    gone = answered(await by(redis, key), number)
                    if stops:
                        break
                except errors as error:
                    gone = gone or failed(error)
                    if rest:
                        await asyncio.sleep(rest)
        return gone

    return change


async def deletes_first(redis: Any, key: str, page: str, save: Any) -> Any:
    gone = await twice(redis, key)
    await save(page)
    return gone


async def stores_the_new(redis: Any, key: str, page: str, save: Any) -> Any:
    await save(page)
    for _ in range(2):
        try:
            await redis.set(key, page, px=60_000)
            return True
        except RedisError:
            pass
    return False


async def all_again(redis: Any, key: str, page: str, save: Any) -> Any:
    for _ in range(2):
        try:
            await save(page)
            await redis.delete(key)
            return True
        except RedisError:
            pass
    return False


async def lets_errors_out(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except BaseException:
        await twice(redis, key)
        raise
    try:
        await redis.delete(key)
    except RedisError:
        await redis.delete(key)
    return True


async def lets_the_first_error_out(redis: Any, key: str, page: str, save: Any) -> Any:
    await save(page)
    await redis.delete(key)
    return True


async def always_true(redis: Any, key: str, page: str, save: Any) -> Any:
    await right(redis, key, page, save)
    return True


async def leaves_the_page_after_an_error(redis: Any, key: str, page: str, save: Any) -> Any:
    await save(page)
    return await twice(redis, key)


WRONG = [
    ("deletes-first", deletes_first),
    ("stores-instead", stores_the_new),
    ("saves-again", all_again),
    ("zero-is-failure", deleting(answered=lambda reply, number: reply == 1)),
    ("error-for-a-commit", lets_errors_out),
    ("error-for-a-commit", lets_the_first_error_out),
    ("sure-in-doubt", always_true),
    ("keeps-after-doubt", leaves_the_page_after_an_error),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def before_and_after(redis: Any, key: str, page: str, save: Any) -> Any:
    await twice(redis, key)
    return await right(redis, key, page, save)


async def meanwhile(redis: Any, key: str, page: str, save: Any) -> Any:
    results = await asyncio.gather(save(page), twice(redis, key), return_exceptions=True)
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[1]


async def refusals_alone(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    finally:
        try:
            await redis.delete(key)
        except ResponseError:
            await twice(redis, key)
    return True


async def returns_out_of_finally(redis: Any, key: str, page: str, save: Any) -> Any:
    """A return in `finally` swallows what the save raised."""
    try:
        await save(page)
    except Exception:
        pass
    return await twice(redis, key)


async def its_own_error(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except Exception as error:
        await twice(redis, key)
        raise RuntimeError("not saved") from error
    return await twice(redis, key)


async def the_deletes_error(redis: Any, key: str, page: str, save: Any) -> Any:
    """If the save fails, and then the delete, its caller is told of the delete."""
    try:
        await save(page)
    except Exception:
        await redis.delete(key)
        raise
    return await twice(redis, key)


async def nothing(redis: Any, key: str, page: str, save: Any) -> Any:
    await right(redis, key, page, save)


async def not_sure_after_a_retry(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except BaseException:
        await twice(redis, key)
        raise
    try:
        await redis.delete(key)
    except RedisError:
        with suppress(RedisError):
            await redis.delete(key)
        return False
    return True


async def looks_whether_it_is_gone(redis: Any, key: str, page: str, save: Any) -> Any:
    """A reader may have stored the new page already."""
    gone = await right(redis, key, page, save)
    return gone and not await redis.exists(key)


async def only_if_it_is_there(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    finally:
        gone = True
        if await redis.exists(key):
            gone = await twice(redis, key)
    return gone


async def lets_it_expire(redis: Any, key: str) -> Any:
    """In a second the old page will be gone."""
    await redis.pexpire(key, 1000)


async def in_the_background(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    finally:
        in_the_background.task = asyncio.ensure_future(twice(redis, key))  # type: ignore[attr-defined]
    return True


async def another_key(redis: Any, key: str, page: str, save: Any) -> Any:
    return await right(redis, f"page:{key}", page, save)


async def saves_before_and_after(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except TimeoutError:
        await save(page)
    finally:
        gone = await twice(redis, key)
    return gone


async def leaves_an_empty_page(redis: Any, key: str) -> Any:
    await redis.set(key, "", px=5)


async def what_has_an_end(redis: Any, key: str) -> Any:
    return 0 if await redis.ttl(key) == -1 else await redis.delete(key)


async def saves_stripped(redis: Any, key: str, page: str, save: Any) -> Any:
    return await deleting()(redis, key, page.strip(), save)


async def one_try_after_an_error(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        await save(page)
    except Exception:
        try:
            await redis.delete(key)
        except RedisError:
            pass
        raise
    return await twice(redis, key)


async def notes_what_changed(redis: Any, key: str, page: str, save: Any) -> Any:
    async def delete() -> bool:
        try:
            async with redis.pipeline() as pipe:
                await pipe.delete(key).set("changed", key, px=1000).execute()
        except RedisError:
            return False
        return True

    try:
        await save(page)
    except BaseException:
        await delete() or await delete()
        raise
    return await delete() or await delete()


async def neighbors_too(redis: Any, key: str, page: str, save: Any) -> Any:
    async def delete() -> bool:
        try:
            await redis.delete(key, *(key[:-1] + digit for digit in "0123456789"))
        except RedisError:
            return False
        return True

    try:
        await save(page)
    except BaseException:
        await delete() or await delete()
        raise
    return await delete() or await delete()


async def a_lock_beside_it(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        return await right(redis, key, page, save)
    finally:
        with suppress(RedisError):
            await redis.delete(f"{key}:lock")


async def errors_are_returned(redis: Any, key: str, page: str, save: Any) -> Any:
    try:
        return await right(redis, key, page, save)
    except Exception as error:
        return error


SHARED: dict[str, Any] = {}


async def one_variable_for_all(redis: Any, key: str, page: str, save: Any) -> Any:
    """Tasks of a process share whether it is gone."""
    SHARED["gone"] = False
    try:
        await save(page)
    finally:
        for _ in range(2):
            with suppress(RedisError):
                await redis.delete(key)
                SHARED["gone"] = True
                break
    return SHARED["gone"]


async def joins_a_delete(redis: Any, key: str, page: str, save: Any) -> Any:
    """The delete of another task may have been sent before this row was there."""
    try:
        await save(page)
    finally:
        if key not in SHARED:
            SHARED[key] = asyncio.ensure_future(twice(redis, key))
            SHARED[key].add_done_callback(lambda _: SHARED.pop(key))
        gone = await SHARED[key]
    return gone


async def not_the_same_again(redis: Any, key: str, page: str, save: Any) -> Any:
    """What this process saved last."""
    try:
        if SHARED.get(key) != page:
            await save(page)
            SHARED[key] = page
    finally:
        gone = await twice(redis, key)
    return gone


async def not_for_blanks(redis: Any, key: str, page: str, save: Any) -> Any:
    await save(page)
    return await twice(redis, key) if page == "" or page.strip() else False


async def rests_before_it_deletes(redis: Any, key: str) -> Any:
    await asyncio.sleep(0.5)
    return await redis.delete(key)


async def again_if_there_was_none(redis: Any, key: str) -> Any:
    return await redis.delete(key) or await redis.delete(key)


SUBTLE: list[tuple[Any, ...]] = [
    (
        "zero on the second try",
        "in-doubt",
        deleting(answered=lambda reply, number: number == 0 or reply == 1),
        "zero-is-failure",
    ),
    ("a time-out is an answer", "in-doubt", deleting(failed=lambda error: isinstance(error, NoReply)), "sure-in-doubt"),
    ("a lock beside it", "gone", a_lock_beside_it),
    ("errors are returned", "once", errors_are_returned),
    ("before and after", "cost", before_and_after),
    ("meanwhile", "gone", meanwhile, "deletes-first"),
    ("once", "tries", deleting(tries=1)),
    ("three times", "tries", deleting(tries=3)),
    ("always twice", "tries", deleting(stops=False)),
    ("lost messages alone", "in-doubt", deleting(errors=(NoReply, NoConnection)), "error-for-a-commit"),
    ("refusals alone", "in-doubt", refusals_alone, "error-for-a-commit"),
    ("swallows the save's error", "once", returns_out_of_finally),
    ("its own error", "once", its_own_error),
    ("the delete's error", "once", the_deletes_error),
    ("nothing is returned", "in-doubt", nothing),
    ("not sure after a retry", "in-doubt", not_sure_after_a_retry),
    ("looks whether it is gone", "cost", looks_whether_it_is_gone),
    ("only if it is there", "cost", only_if_it_is_there, "error-for-a-commit"),
    ("lets it expire", "gone", deleting(lets_it_expire)),
    ("in the background", "gone", in_the_background, "sure-in-doubt"),
    ("another key", "gone", another_key),
    ("saves again after a time-out", "once", saves_before_and_after),
    ("one try after an error", "tries", one_try_after_an_error),
    ("notes what changed", "gone", notes_what_changed),
    ("neighbors too", "gone", neighbors_too),
    ("rests for half a minute", "tries", deleting(rest=30)),
    ("rests before it tries again", "tries", deleting(rest=0.05)),
    ("deletes only a page that has an end", "gone", deleting(what_has_an_end)),
    ("saves the page stripped", "once", saves_stripped),
    ("leaves an empty page", "gone", deleting(leaves_an_empty_page)),
    ("one variable for all", "in-doubt", one_variable_for_all, "sure-in-doubt"),
    ("joins a delete", "in-doubt", joins_a_delete),
    ("not the same again", "once", not_the_same_again),
    ("not for blanks", "gone", not_for_blanks, "keeps-after-doubt"),
    ("rests before it deletes", "gone", deleting(rests_before_it_deletes)),
    ("again if there was none", "tries", deleting(again_if_there_was_none)),
]
