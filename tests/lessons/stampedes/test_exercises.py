"""What 05.1 and 05.3 set before an answer, and what some of their judges take for a fault. No answer is judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.explore import Simulation
from course_lib.lessons.stampedes.exercises import e1_e3_lives, e1_e3_runs


async def answer(redis: Any, key: str, load: Any, **policy: Any) -> None:
    return None


def run(**given: Any) -> Any:
    return SimpleNamespace(witness=SimpleNamespace(**given), now=1.0)


@pytest.mark.parametrize("seed", range(5))
def test_each_run_begins_with_other_terms_and_one_of_its_keys_has_no_row(seed: int) -> None:
    crowd = e1_e3_runs.own_terms(answer, Simulation(seed), 1)
    assert [base.absent for base in crowd.databases.values()] == [seed % 2 == 0, seed % 2 == 1]
    assert crowd.terms["c1"] == e1_e3_runs.TERMS[seed]
    assert set(crowd.terms.values()) == set(e1_e3_runs.TERMS)


def test_many_keys_and_a_command_that_is_refused_by_its_number() -> None:
    assert len(e1_e3_runs.many_keys(answer, Simulation(0), 1).databases) == e1_e3_runs.MANY
    for seed in range(3):
        crowd = cast("e1_e3_runs.Unwatched", e1_e3_runs.refusing_one(answer, Simulation(seed), 1))
        refuses, said = crowd.refuses_one, list[str]()
        session = cast("Any", SimpleNamespace(refuse=said.append))
        key = crowd.setting.key.encode()
        sent = [[b"GET", key], [b"GET", b"other"], [b"PING"], [b"SET", b"x", b"1"], [b"MGET", b"y", key], [b"GET", key]]
        told = [refuses.answers(session, command) for command in sent]
        counted = [0, 3, 4]  # those that look for the value, or store
        assert told == [place == counted[seed] for place in range(6)]
        assert len(said) == 1


def test_a_lock_that_outlives_its_time_is_a_fault_unless_it_may_be_another_s() -> None:
    def lock(before: str, outlived: float) -> Any:
        return SimpleNamespace(who="c1", before=before, outlived=outlived, start=0.1, until=0.2)

    def found(*locks: Any) -> list[Any]:
        return [one[2] for one in e1_e3_lives.outlived(run(locks=locks))]

    assert found(lock("a", 0.5), lock("b", 1.0)) == [0.5]
    assert found(lock("a", 0.5), lock("a", 0.6)) == []


def test_a_value_may_be_gone_only_where_it_or_its_lock_lives_shortly() -> None:
    def found(asked: float, lasts: float, lock_ttl: float) -> int:
        life = SimpleNamespace(who="c1", asked=asked, lasts=lasts, at=0.5, right=False)
        told = {"c1": SimpleNamespace(lock_ttl=lock_ttl)}
        return len(list(e1_e3_lives.value_lives(run(values=[life], told=told.__getitem__))))

    assert [found(60, -2, 9), found(0.002, -2, 9), found(60, -2, 0.007), found(0.002, -1, 9)] == [1, 0, 0, 1]


def test_whose_command_is_refused_hears_of_it_as_an_error_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(result: object) -> int:
        act = SimpleNamespace(who="c1", result=result, over=True, ended=0.5)
        return len(list(e1_e3_lives.told(run(acts=[act], refuses_one=SimpleNamespace(refused=b"SET")))))

    assert [found(RedisConnectionError("no")), found(ValueError("no")), found("page")] == [0, 1, 1]


def test_a_lock_of_another_token_is_a_fault_besides_those_of_freeing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e1_e3_lives, "freed", lambda run: iter([("not freed", "c1", 0.1, "kept")]))
    locks = [SimpleNamespace(who="c1", plain=plain, start=0.2) for plain in (b"tok", b"other", None)]
    told = list(e1_e3_lives.held(run(tokens={"tok": "c1"}, locks=locks)))
    assert [one[3] for one in told] == ["kept", "another lock", "another lock"]
