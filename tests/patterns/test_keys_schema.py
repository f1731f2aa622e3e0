"""KeySchema: no two meanings share a key, every key can be read back, and what could be misread is refused."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from course_lib.errors import BadArgument
from course_lib.patterns.keys import KeySchema, ParsedKey
from course_lib.worlds import Simulated, World

from . import broken_keys
from .crowd import alone

FEW = settings(deadline=None, max_examples=200, derandomize=True)
# Few letters, so that a collision would be found, and those that mean something to a glob, a regex or KeySchema itself.
WORDS = st.text(alphabet="av12.*?[]^-\\é", min_size=1, max_size=4)
NAMES = st.lists(WORDS.filter(lambda name: not re.match(r"v\d", name)), min_size=1, max_size=3)
PARTS = st.lists(WORDS | st.integers(-3, 30), min_size=1, max_size=3)
GENERATIONS = st.none() | st.integers(0, 30)
Meaning = tuple[KeySchema, list[str | int], int | None]


@st.composite
def schemas(draw: st.DrawFn) -> KeySchema:
    return KeySchema(*draw(NAMES), version=draw(st.integers(1, 30)), hash_tag=draw(st.booleans()))


def said(schema: KeySchema, parts: list[str | int], generation: int | None) -> tuple[object, ...]:
    """What a key means, without the key."""
    return schema, generation, tuple(map(str, parts))


@FEW
@given(schemas(), PARTS, GENERATIONS)
def test_what_was_put_into_a_key_is_read_back(
    schema: KeySchema, parts: list[str | int], generation: int | None
) -> None:
    """Parts as text, version and generation; the schema at another version reads it too."""
    key = schema.key(*parts, generation=generation)
    parsed = ParsedKey(schema.version, tuple(map(str, parts)), generation)
    assert schema.parse(key) == parsed == schema.at(99).parse(key)
    assert schema.parse(schema.prefix) == ParsedKey(schema.version, (), None)


@FEW
@given(st.lists(st.tuples(schemas(), PARTS, GENERATIONS), min_size=2, max_size=12))
def test_different_meanings_have_different_keys(made: list[Meaning]) -> None:
    """If schema, version, hash tag, generation or parts differ, so do the keys; and no key is a counter's."""
    keys = {said(*one): one[0].key(*one[1], generation=one[2]) for one in made}
    counters = {schema.prefix for schema, _, _ in made}
    assert len({*keys.values()} | counters) == len(keys) + len(counters)


def test_unchecked_names_and_parts_share_keys() -> None:
    """The control: joined without a look, three pairs of meanings have one key; KeySchema refuses one of each pair."""
    pairs: list[Any] = [
        ((("app", "user:7"), 1, ["x"]), (("app", "user", "7"), 1, ["x"])),
        ((("app",), 1, ["7:x"]), (("app",), 1, ["7", "x"])),
        ((("app",), 2, ["v3", "x"]), (("app", "v2"), 3, ["x"])),
    ]
    for one, other in pairs:
        assert one != other
        assert broken_keys.unchecked_key(*one) == broken_keys.unchecked_key(*other)
        with pytest.raises(BadArgument):
            [KeySchema(*names, version=version).key(*parts) for names, version, parts in (one, other)]


@FEW
@given(schemas(), st.text(alphabet="av12.:{} é\n", max_size=12))
def test_a_key_that_it_did_not_make_is_not_read(schema: KeySchema, text: str) -> None:
    """Whatever `parse` accepts, `key` gives again, letter by letter; anything else is nobody's."""
    for key in (text, f"{':'.join(schema.names)}:{text}", f"{schema.prefix}:{text}", f"{schema.prefix}.{text}"):
        if (parsed := schema.parse(key)) and parsed.parts:
            assert schema.at(parsed.version).key(*parsed.parts, generation=parsed.generation) == key
        elif parsed:
            assert schema.at(parsed.version).prefix == key


NEARLY = [
    *("", "app", "app:user", "app:user:v2:", "app:user:v02:7", "app:user:v0:7", "app:user:v2.07:7", "app:user:v2.7"),
    *("app:user:v2:7:", "app:user:v2::7", "app:user:v2:{7}", "app:user:v2:a b", "app:user:v٢:7", "app:user:v2:7\n"),
    *("app:user:v2:\udcff", "shop:user:v2:7", "app:users:v2:7"),
    *("app:user:v1000000000:7", f"app:user:v2.{'1' * 5000}:7", f"app:user:v{'1' * 5000}:7"),
]


@pytest.mark.parametrize("key", NEARLY)
def test_a_key_that_is_nearly_right_is_not_read(key: str) -> None:
    """Empty parts, leading zeros, another alphabet's digits, a hash tag that the schema has not, undecodable bytes."""
    assert KeySchema("app", "user", version=2).parse(key) is None


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((), "a name or part is ''; accepted: an int, or printable text"),
        (("",), "a name or part is ''"),
        (("a:b",), "a name or part is 'a:b'"),
        (("{7}",), "a name or part is '{7}'"),
        (("7", "a b"), "a name or part is 'a b'"),
        (("tab\t",), r"a name or part is 'tab\t'"),
        (("\u200b",), r"a name or part is '\u200b'"),
        (("\ud800",), r"a name or part is '\ud800'"),
        ((None,), "a name or part is None"),
        ((True,), "a name or part is True"),
        ((1.5,), "a name or part is 1.5"),
        ((b"7",), "a name or part is b'7'"),
        (("x" * 600,), "accepted: at most 512 bytes"),
        (("é" * 255,), "accepted: at most 512 bytes"),
    ],
)
def test_a_part_that_could_be_misread_is_refused(parts: tuple[Any, ...], said: str) -> None:
    """The error names the part and what is accepted."""
    with pytest.raises(BadArgument, match=re.escape(said)):
        KeySchema("app", "user").key(*parts)


@pytest.mark.parametrize(
    ("names", "version", "said"),
    [
        ((), 1, "names is ()"),
        (("app", "v2"), 1, "names is ('app', 'v2'); accepted: one or more, and none that looks like a version"),
        (("app", "v2x"), 1, "none that looks like a version"),
        (("app:user",), 1, "a name or part is 'app:user'"),
        (("app", "{user}"), 1, "a name or part is '{user}'"),
        (("app", ""), 1, "a name or part is ''"),
        (("app",), 0, "version is 0; accepted: an int, from 1 to 999,999,999"),
        (("app",), -1, "version is -1"),
        (("app",), True, "version is True"),
        (("app",), "2", "version is '2'"),
        (("app",), 1.0, "version is 1.0"),
        (("app",), 10**9, "version is 1000000000"),
    ],
)
def test_a_schema_that_could_be_misread_is_refused(names: tuple[str, ...], version: Any, said: str) -> None:
    """A name with a separator could be two names, and one like v2 a version."""
    with pytest.raises(BadArgument, match=re.escape(said)):
        KeySchema(*names, version=version)


def test_a_schema_cannot_be_changed() -> None:
    """Equal ones are equal and count once in a set; `at` makes another."""
    users = KeySchema("app", "user", version=2)
    with pytest.raises(AttributeError):
        users.version = 3  # type: ignore[misc]
    assert {users, KeySchema("app", "user", version=2), users.at(2)} == {users}
    assert users.at(3) != users
    assert KeySchema("app", "user", version=2, hash_tag=True).at(3).hash_tag


def test_the_first_part_decides_the_slot_of_a_hash_tagged_key() -> None:
    """All that belongs to 42 lies in one slot, in every generation and under every schema with the hash tag."""
    users, carts = KeySchema("app", "user", hash_tag=True), KeySchema("app", "cart", hash_tag=True)
    keys = [users.key(42), users.key(42, "photo", generation=7), users.at(2).key(42), carts.key("42")]
    assert keys[:2] == ["app:user:v1:{42}", "app:user:v1.7:{42}:photo"]
    assert {key[key.index("{") : key.index("}") + 1] for key in keys} == {"{42}"}


ODD = ["a", "ab", "a*", "a?", "[ab]", "[a]", "a\\", "\\*", "^", "a-b", "!", "v", "vv2"]


def planted() -> dict[KeySchema, list[str]]:
    """Keys of schemas whose names mean something to a glob, at three versions each, with and without generation."""
    names = [(name,) for name in ODD] + [("a", name) for name in ODD]
    made = [KeySchema(*one, version=version) for one, version in product(names, (1, 2, 12))]
    return {s: [s.key(part, generation=g) for part, g in product((7, "v2", "*"), (None, 0, 1))] for s in made}


def test_a_pattern_finds_exactly_its_own_keys(world: World) -> None:
    """Of one version, or of all; in every generation; no counter, and no other schema's keys."""
    keys = planted()

    async def body(redis: Redis) -> list[str]:
        await redis.mset({key: "x" for own in keys.values() for key in own} | {schema.prefix: "1" for schema in keys})
        wrong = []
        for schema, own in keys.items():
            every = [key for other in keys if other.names == schema.names for key in keys[other]]
            for pattern, right in ((schema.pattern(version=schema.version), own), (schema.pattern(), every)):
                found = {key async for key in redis.scan_iter(match=pattern, count=10_000)}
                wrong += [pattern] * (found != set(right))
        return wrong

    assert alone(world, body) == []


def test_an_unescaped_pattern_finds_other_keys() -> None:
    """The control."""
    keys = planted()

    async def body(redis: Redis) -> int:
        await redis.mset({key: "x" for own in keys.values() for key in own})
        return sum([{k async for k in redis.scan_iter(match=broken_keys.unescaped_pattern(s), count=10_000)} != set(own)
                    for s, own in keys.items()])  # fmt: skip

    assert alone(Simulated(), body) > 10
