"""The review of lesson 08: what is found in published code is proved, and the mended program is the control."""

from __future__ import annotations

from itertools import count

from redis.asyncio.lock import Lock

from course_lib.explore.exploration import explore
from course_lib.lessons.capstone import programs
from course_lib.lessons.capstone.experiment_review import (
    code_of,
    herd,
    late_release,
    loads_twice,
    redis_py,
    stale_set,
    told_no,
)

GUIDE = programs.reads_like_the_guide, programs.writes_like_the_guide
MENDED = programs.reads_mended, programs.writes_mended


def test_the_guides_reader_stores_an_old_price_and_a_code_shows_it_again() -> None:
    found = explore(stale_set(*GUIDE))
    assert found.failures == 1
    again = explore(stale_set(*GUIDE), code=found.code)
    assert again.violation is not None
    assert again.violation.text == "the cache has 12 dollars and the database 15 dollars"
    assert explore(stale_set(*MENDED)).holds
    assert not explore(stale_set(MENDED[0], GUIDE[1])).holds  # the reader alone is not enough


def test_the_guides_readers_load_twice() -> None:
    assert explore(loads_twice(GUIDE[0])).failures > 0
    assert explore(loads_twice(MENDED[0])).holds


def test_after_the_deadline_all_load() -> None:
    assert herd(GUIDE[0], clients=16)["loads"] == 1
    for trouble in ({"absent": True}, {"crash": True}):
        found = herd(GUIDE[0], clients=16, **trouble)
        assert (found["loads"], found["loads at once"]) == (16, 15)
        assert herd(MENDED[0], clients=16, **trouble)["loads"] <= 2


def test_redis_pys_lock_says_no_and_has_it() -> None:
    async def ours(redis: object, token: str) -> bool:
        return await programs.takes_and_looks(redis, "job", token, ttl=60)  # type: ignore[arg-type]

    async def like_it(redis: object, token: str) -> bool:
        return await programs.takes_like_redis_py(redis, "job", token, ttl=60)  # type: ignore[arg-type]

    assert explore(told_no(redis_py)).code == explore(told_no(like_it)).code
    assert explore(told_no(redis_py)).failures == 1
    assert explore(told_no(ours)).holds


def test_two_tasks_that_share_a_lock_free_each_others() -> None:
    number = count()

    def new_token() -> str:
        return f"token {next(number)}"

    def told(make: object) -> list[str]:
        return [row["does"] for row in late_release(make)[0][2:]]  # type: ignore[arg-type]

    assert told(lambda redis: Lock(redis, "job", timeout=0.1)) == ["frees a lock", "frees nothing"]
    one = told(lambda redis: programs.OneToken(redis, "job", ttl=0.1, new_token=new_token))
    assert one == ["frees a lock", "frees nothing"]
    each = told(lambda redis: programs.TokenForEach(redis, "job", ttl=0.1, new_token=new_token))
    assert each == ["frees nothing", "frees a lock"]


def test_code_is_shown_without_what_is_wrong_with_it() -> None:
    shown = code_of(*GUIDE)
    assert "async def reads_like_the_guide" in shown
    assert "Wrong" not in shown
    assert "Not enough" not in shown
