"""A moment in words: what the servers hold, what each client does and believes, which promises are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from course_lib.explore.moment.states import ClientState, Frame, KeyState, PromiseState
from course_lib.words import counted, listed, ms, span

BELIEFS, KEYS, TASKS = 6, 8, 3
"""How many variables of a client are told, how many keys, and how many of its tasks."""


def told(
    t: float, nodes: Sequence[str], keys: Sequence[KeyState], more: int, clients: Sequence[ClientState],
    promises: Sequence[PromiseState],
) -> str:  # fmt: skip
    """`At 41 ms redis holds job = bob, 459 ms left; alice is in line 12 and waits for the reply to GET job, and
    believes token = 'alice'`."""
    parts = [_held(nodes, keys, more), *map(_does, clients)]
    said = f"At {ms(t)} {'; '.join(parts)}."
    return f"{said}{broken(promises, {})}"


def broken(promises: Sequence[PromiseState], says: Mapping[str, str]) -> str:
    """A sentence or two for each broken promise. `says` is what a promise says, by its name."""
    sentences = list[str]()
    for one in promises:
        if not one.holds:
            sentences += [f"Broken: {_sentence(says.get(one.name, one.name))}", _sentence(one.text)]
    return "".join(f" {each}" for each in sentences if each != ".")


def _held(nodes: Sequence[str], keys: Sequence[KeyState], more: int) -> str:
    told = {id(key) for key in sorted(keys, key=lambda key: not key.change)[:KEYS]}
    keys, more = [key for key in keys if id(key) in told], more + len(keys) - len(told)
    said = [f"{node} holds {listed(list(map(_key, held)))}" for node, held in groupby(keys, lambda key: key.node)]
    nothing = [node for node in nodes if not any(key.node.split(",")[0] == node for key in keys)]
    if more:
        said.append(f"there {'is' if more == 1 else 'are'} {counted(more, 'more key')}")
    elif nothing:
        said.append(f"{listed(nothing)} hold{'s' * (len(nothing) == 1)} nothing")
    return "; ".join(said)


def _key(key: KeyState) -> str:
    if key.change in ("gone", "expired"):
        return f"no {key.key} any more, which {'expired' if key.change == 'expired' else 'was deleted'}"
    left = "" if key.left is None else f", {span(key.left)} left"
    change = f" ({key.change})" if key.change else ""
    return f"{key.key} = {key.value}{change}{left}"


def _does(client: ClientState) -> str:
    frame = next((frame for chain in client.chains for frame in _inner_first(chain)), None)
    dead = client.does == "dead"
    where = f"{'was' if dead else 'is'} in line {frame.line} of {frame.function} " if frame is not None else ""
    if dead:
        does = f"{where}when it {client.waits_for}" if where else f"has {client.waits_for}"
    elif client.does in ("waiting", "paused"):
        what = _for(client.waits_for) if client.does == "waiting" else f"is {client.waits_for}"
        does = f"{where}and {what}" if where else what
    else:
        does = {"not begun": "has not begun", "ended": f"has {client.waits_for}"}[client.does]
    return f"{client.name} {does}{_believes(frame, 'believed' if dead else 'believes')}{_tasks(client, frame)}"


def _for(waits_for: str) -> str:
    return f"waits for {waits_for.replace('the clock:', 'the clock,')}"


def _believes(frame: Frame | None, verb: str, but: Frame | None = None) -> str:
    """What a frame knows, except what was already told (`but`) of another."""
    told = [] if but is None else [(local.name, local.text) for local in but.locals]
    new = [local for local in frame.locals if (local.name, local.text) not in told] if frame is not None else []
    return f", and {verb} {listed([f'{one.name} = {one.text}' for one in new[:BELIEFS]])}" if new else ""


def _tasks(client: ClientState, told: Frame | None) -> str:
    """Where each of a client's other tasks stands, and for what it waits."""
    if client.does not in ("waiting", "paused"):
        return ""
    others = [
        (next(iter(_inner_first(chain)), None), waits)
        for chain, waits in zip(client.chains, client.task_waits, strict=False)
    ]
    others = [(frame, waits) for frame, waits in others if frame is None or frame is not told]
    said = list[str]()
    for frame, waits in others[:TASKS]:
        where = f"is in line {frame.line} of {frame.function} and " if frame is not None else ""
        said.append(f"{'another' if said else 'one'} {where}{_for(waits)}{_believes(frame, 'believes', told)}")
    more = f"; and {len(others) - TASKS} more" if len(others) > TASKS else ""
    return f" (of its other tasks {'; '.join(said)}{more})" if said else ""


def _inner_first(chain: Sequence[Frame]) -> Sequence[Frame]:
    """The innermost function that is a learner's, and else the innermost."""
    return [frame for frame in reversed(chain) if frame.own] or list(reversed(chain))


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."
