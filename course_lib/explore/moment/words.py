"""A moment in words: what the servers hold, what each client does and believes, which promises are broken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from course_lib.explore.moment.states import ClientState, Frame, KeyState, PromiseState
from course_lib.words import counted, listed, ms

BELIEFS, KEYS = 6, 8
"""How many variables of a client are told, and how many keys."""


def told(
    t: float, nodes: Sequence[str], keys: Sequence[KeyState], more: int, clients: Sequence[ClientState],
    promises: Sequence[PromiseState],
) -> str:  # fmt: skip
    """`At 41 ms redis holds job = bob, 459 ms left; alice is in line 12 and waits for the reply to GET job, and
    believes token = 'alice'`."""
    parts = [_held(nodes, keys, more), *map(_does, clients)]
    said = f"At {ms(t)} {'; '.join(parts)}."
    broken = [promise for promise in promises if not promise.holds]
    return " ".join([said, *(f"Broken: {promise.name.rstrip('.')}; {_sentence(promise.text)}" for promise in broken)])


def _held(nodes: Sequence[str], keys: Sequence[KeyState], more: int) -> str:
    told = {id(key) for key in sorted(keys, key=lambda key: not key.change)[:KEYS]}
    keys, more = [key for key in keys if id(key) in told], more + len(keys) - len(told)
    by_node = [f"{node} holds {listed(list(map(_key, held)))}" for node, held in groupby(keys, lambda key: key.node)]
    empty = f"{nodes[0]} holds nothing" if len(nodes) == 1 else "the servers hold nothing"
    said = listed(by_node) if by_node else empty
    return f"{said}, and {counted(more, 'more key')}" if more else said


def _key(key: KeyState) -> str:
    if key.change in ("gone", "expired"):
        return f"no {key.key} any more, which {'expired' if key.change == 'expired' else 'was deleted'}"
    left = "" if key.left is None else f", {ms(key.left)} left"
    change = f" ({key.change})" if key.change else ""
    return f"{key.key} = {key.value}{change}{left}"


def _does(client: ClientState) -> str:
    frame = next((frame for chain in client.chains for frame in _inner_first(chain)), None)
    where = f"is in line {frame.line} of {frame.function} and " if frame is not None else ""
    if client.does == "waiting":
        does = f"{where}waits for {client.waits_for.replace('the clock:', 'the clock,')}"
    elif client.does in ("dead", "paused"):
        does = f"{where}{'has ' if client.does == 'dead' else 'is '}{client.waits_for}"
    else:
        does = {"not begun": "has not begun", "ended": f"has {client.waits_for}"}[client.does]
    believes = [f"{local.name} = {local.text}" for local in frame.locals[:BELIEFS]] if frame is not None else []
    return f"{client.name} {does}{f', and believes {listed(believes)}' if believes else ''}"


def _inner_first(chain: Sequence[Frame]) -> Sequence[Frame]:
    """The innermost function that is a learner's, and else the innermost."""
    return [frame for frame in reversed(chain) if frame.own] or list(reversed(chain))


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."
