"""More trials of a locked cache-aside: times of all sizes in one process, many keys, one command that is refused, and
what is there when a lock goes."""

from __future__ import annotations

from typing import Any

from course_lib.explore import Extension, Process, Session, Simulation
from course_lib.explore.server_state import ask
from course_lib.grading.database import Database
from course_lib.lessons.stampedes.exercises.crowd import Answer, Asked, JudgedCrowd, Setting, varied
from course_lib.lessons.stampedes.exercises.lifetimes import in_lock

TERMS = (
    (0.0015, 0.007), (45.5, 0.0125), (7_200.25, 12.75), (0.007, 90_061.5), (90_061.5, 45.5), (3_456_000.5, 0.001),
    (0.001, 3_456_000.5),
)  # fmt: skip
"""Of one call each: ttl and lock_ttl, in seconds."""


def own_terms(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """One process asks for two keys in turn, and each time for other lives. A run's seed says with which it begins, and
    which of the two keys has no row."""
    keys, process = ("page:{de}:7", "page:8"), Process("web")
    databases = {key: Database(world, 0.02, absent=i == world.seed % 2) for i, key in enumerate(keys)}
    crowd = JudgedCrowd(world, setting=Setting(answer, load=0.02), databases=databases)
    for number in range(len(TERMS)):
        name = f"c{number + 1}"
        crowd.terms[name] = TERMS[(number + world.seed) % len(TERMS)]
        crowd.ask(name, 0.3 * number, keys[number % len(keys)], process)
    return crowd


MANY = 400


LOOKS = frozenset((b"GET", b"MGET", b"GETEX", b"HGET", b"HMGET", b"HGETALL"))
STORES = frozenset((b"SET", b"SETEX", b"PSETEX", b"SETNX", b"HSET"))


class RefusesOne(Extension):
    """A server that answers one command with an error: of those that look for the value or store anything, the one with
    this number."""

    def __init__(self, key: str, number: int) -> None:
        self._key, self._left = key.encode(), number
        self.refused = b""

    def answers(self, session: Session, command: list[bytes]) -> bool:
        name = command[0].upper()
        if name not in STORES and not (name in LOOKS and self._key in command):
            return False
        self._left -= 1
        if self._left:
            return False
        self.refused = name
        session.refuse(f"NOPERM User default has no permissions to run the '{name.decode().lower()}' command")
        return True


class Unwatched(JudgedCrowd):
    """A crowd of whose locks and values nothing is written down."""

    refuses_one: RefusesOne

    async def deed(self, act: Asked) -> Any:
        """Ask the answer once."""
        setting, load = self.setting, self.databases[act.what].load_for(act.who)
        policy = {"ttl": setting.ttl, "lock_ttl": setting.lock_ttl, "token": f"Token of {act.who}"}
        return await setting.answer(self.world.redis(), act.what, load, **policy)


def many_keys(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """One process asks for hundreds of keys at once."""
    setting, process = Setting(answer, load=0.1), Process("web")
    keys = [f"the shop's page:{{Zoë}}:{number * 7919}" for number in range(MANY)]
    crowd = Unwatched(world, setting=setting, databases={key: Database(world, setting.load) for key in keys})
    for number, key in enumerate(keys):
        crowd.ask(f"c{number + 1}", 0.0, key, process)
    return crowd


def refusing_one(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """One client asks, and one of its commands is refused; a run's seed says which."""
    setting = Setting(answer, "page:{de}:7")
    crowd = Unwatched(world, setting=setting, databases={setting.key: Database(world, setting.load)})
    world.nodes[0].extension = crowd.refuses_one = RefusesOne(setting.key, 1 + world.seed)
    crowd.ask("c1", 0.0)
    return crowd


class Freed(Extension):
    """Looks, whenever a lock goes after its holder's load, whether the value is there."""

    def __init__(self, crowd: JudgedCrowd) -> None:
        self._crowd, self._seen = crowd, set[str]()

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        world, key = self._crowd.world, self._crowd.setting.key.encode()
        for lock in self._crowd.locks if changed else ():
            over = lock.end <= world.now() < lock.until - 0.001 and lock.who not in self._seen
            if over and in_lock(world, lock) != lock.before:
                self._seen.add(lock.who)
                if not ask(world.nodes[0], b"EXISTS", key):
                    self._crowd.bare.append((lock.who, world.now()))


def freeing(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As varied; and it is seen what is there when a lock goes."""
    crowd = varied(answer, world, clients)
    world.nodes[0].extension = Freed(crowd)
    return crowd
