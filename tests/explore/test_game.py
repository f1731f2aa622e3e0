"""A schedule chosen by hand: forward, back, with faults, until the promise breaks or holds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from redis.asyncio import Redis

from course_lib.explore import CRASHED, Game, Move, Play, Schedule, Simulation, Trial, Violation, play


async def increment(redis: Redis) -> int:
    value = int(await redis.get("count") or 0) + 1
    await redis.set("count", value)
    return value


async def lock_by_del(redis: Redis, world: Simulation, name: str) -> bool:
    if not await redis.set("lock", name, nx=True, px=1000):
        return False
    held = world.note(name, "hold")
    await redis.get("work")
    held.t_end = world.now()
    await redis.delete("lock")
    return True


def counting(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", increment, world.redis())


def locking(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", lock_by_del, world.redis(), world, f"c{number}")


def no_update_is_lost(run: Play) -> Iterable[Violation]:
    counts = [value for value in run.results.values() if isinstance(value, int)]
    if len(set(counts)) < len(counts):
        yield Violation("lost", f"two clients counted to {max(counts)}")


def one_at_a_time(run: Play) -> Iterable[Violation]:
    open_now = [note for note in run.trace.notes if note.kind == "hold" and note.t_end is None]
    if len(open_now) > 1:
        yield Violation("exclusion", f"{len(open_now)} hold the lock")


COUNTER = Trial("counter", ("lost",), counting, no_update_is_lost)
LOCK = Trial("lock", ("exclusion",), locking, one_at_a_time)


def waiting(game: Game) -> list[str]:
    return [f"{turn.client}: {turn.commands[0][0].decode()}" for turn in game.able]


def test_commands_of_a_pipeline_wait_one_by_one_in_their_order() -> None:
    async def sends(redis: Redis, me: str) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            for number in range(3):
                pipe.append(me, str(number))
            await pipe.execute()

    def sending(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", sends, world.redis(), f"c{number}")

    game, ran = Game(Trial("pipelines", (), sending, lambda run: ()), 2), []
    while game.able:
        at = len(ran) % len(game.able)
        ran.append(b" ".join(game.able[at].commands[0][1:]).decode())
        game.move(at)
    assert ran == ["c0 0", "c1 0", "c0 1", "c1 1", "c0 2", "c1 2"]


def test_a_game_is_played_under_its_seed() -> None:
    seeds: list[int] = []

    def build(world: Simulation, clients: int) -> None:
        seeds.append(world.seed)
        counting(world, clients)

    game = Game(Trial("seeded", (), build, no_update_is_lost), 2, seed=7)
    game.move(1)
    assert set(seeds) == {7}
    assert game.schedule == Schedule(2, 7, turns=(1,))


def test_moves_are_made_and_taken_back() -> None:
    game = Game(COUNTER, 2)
    assert waiting(game) == ["c0: GET", "c1: GET"]
    game.move(0)
    assert waiting(game) == ["c0: SET", "c1: GET"]
    game.move(1)
    assert waiting(game) == ["c0: SET", "c1: SET"]
    game.undo()
    assert waiting(game) == ["c0: SET", "c1: GET"]
    game.reset()
    assert (waiting(game), game.moves, len(game.play.trace)) == (["c0: GET", "c1: GET"], [], 2)


def test_the_losing_order_is_found_by_hand_and_replays() -> None:
    game = Game(COUNTER, 2)
    for move in (0, 1, 0, 0):
        assert game.violation is None
        game.move(move)
    assert game.over
    assert game.violation is not None
    assert play(COUNTER, game.schedule).violation("lost")


def test_one_after_the_other_loses_nothing() -> None:
    """The control."""
    game = Game(COUNTER, 2)
    while not game.over:
        game.move(0)
    assert game.violation is None
    assert game.play.results == {"c0": 1, "c1": 2}


def test_time_may_pass_while_a_client_holds_the_lock() -> None:
    """Past the TTL of 1 s another takes it; half a second is not enough."""
    for seconds, broken in ((0.5, False), (1.1, True)):
        game = Game(LOCK, 2)
        game.move(0)
        game.move(Move("wait", seconds=seconds))
        game.move(1)
        assert (game.violation is not None) is broken


def test_a_crash_leaves_the_lock_behind() -> None:
    game = Game(LOCK, 2)
    game.move(0)
    game.move(Move("crash", 0))
    while not game.over:
        game.move(0)
    assert game.play.results == {"c0": CRASHED, "c1": False}
    assert [event.fault for event in game.play.trace if event.name == "GET"] == ["never left"]


@pytest.mark.parametrize(("kind", "count"), [("lose request", None), ("lose reply", b"1")])
def test_a_lost_message_did_or_did_not_take_effect(kind: str, count: bytes | None) -> None:
    game = Game(COUNTER, 1)
    game.move(0)
    game.move(Move(kind, 0))  # type: ignore[arg-type]
    assert game.over
    assert isinstance(game.play.results["c0"], Exception)
    ran = [event for event in game.play.trace if event.name == "SET" and event.t_server is not None]
    assert [event.command[2] for event in ran] == ([] if count is None else [count])


def test_a_move_that_is_not_there_is_refused_and_changes_nothing() -> None:
    game = Game(COUNTER, 2)
    with pytest.raises(ValueError, match="there is no turn 2: 2 commands wait"):
        game.move(2)
    assert game.moves == []


def test_a_schedule_is_followed() -> None:
    game = Game(COUNTER, 2)
    game.follow(Schedule(2, turns=(0, 1, 0, 0)))
    assert game.violation is not None
    with pytest.raises(ValueError, match="no turns"):
        game.follow(Schedule(2))


@pytest.mark.parametrize("turns", [(0, 5), (0, 1, 0, 0, 0), (Move("crash", 2),)])
def test_a_schedule_that_does_not_fit_is_refused_and_changes_nothing(turns: tuple[int | Move, ...]) -> None:
    """A position that is not there, a move after the end, a fate for nobody."""
    game = Game(COUNTER, 2)
    game.move(1)
    before = game.play.trace.digest()
    with pytest.raises(ValueError, match="there is no turn"):
        game.follow(Schedule(2, turns=turns))
    assert (game.moves, game.play.trace.digest(), waiting(game)) == ([1], before, ["c0: GET", "c1: SET"])
