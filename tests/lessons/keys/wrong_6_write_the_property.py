"""Wrong properties for 02.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from course_lib.trace import Event, Trace

Property = Callable[[Trace], str | None]


def follows(
    *, lost: bool = False, keepttl: bool = True, replies: bool = True, forgets: bool = True, loses: bool = True,
    lives: tuple[bytes, ...] = (b"PX", b"EX"), keeps: bool = True, first: int = 3, most: int | None = None,
    by: Callable[[Event], float] = lambda event: event.t_server or event.t_start, absent: bool = False,
    says: Callable[[str], str] = "{} lives for ever".format,
) -> Property:  # fmt: skip
    """A property that follows each key, with one thing done otherwise; by default as it should be.

    `keeps`: KEEPTTL keeps what is there, and gives nothing. Options begin at `first`; DEL names at most `most` keys.
    Commands are sorted `by` that. `absent`: PEXPIRE makes the key.
    """

    def immortal(trace: Trace) -> str | None:
        expires: dict[bytes, bool] = {}
        ran = [event for event in trace if lost or event.t_server is not None]
        for event in sorted(ran, key=by):
            name, key, options = event.command[0], event.command[1], event.command[first:]
            if name == b"SET" and (event.reply is not None or not replies or lost):
                before = expires.get(key, not keeps)
                given = bool(set(lives) & set(options)) or (not keeps and b"KEEPTTL" in options)
                expires[key] = given or (before and (not loses or (keepttl and b"KEEPTTL" in options)))
            elif name == b"PEXPIRE" and (key in expires or absent):
                expires[key] = True
            elif name == b"DEL" and forgets:
                for gone in event.command[1:][:most]:
                    expires.pop(gone, None)
        return next((says(key.decode()) for key, lives in expires.items() if not lives), None)

    return immortal


def gives_a_life(event: Event) -> bool:
    return bool({b"PX", b"EX", b"KEEPTTL"} & set(event.command))


def says_nothing(trace: Trace) -> str | None:
    return None if trace.events else "no command"


def cries_wolf(trace: Trace) -> str | None:
    return f"{len(trace)} commands"


def one_command_at_a_time(trace: Trace) -> str | None:
    plain = [e for e in trace if e.name == "SET" and e.t_server is not None and not gives_a_life(e)]
    return f"{plain[0].text} has no TTL" if plain else None


def mixes_keys(trace: Trace) -> str | None:
    immortal = None
    for event in trace:
        if event.t_server is not None and event.reply is not None:
            if event.name == "SET" and not gives_a_life(event):
                immortal = event.text
            elif event.name in ("PEXPIRE", "DEL"):
                immortal = None
    return immortal


def nx_never(trace: Trace) -> str | None:
    """It asks no reply: a SET with NX does nothing if the key is there. But one with XX does nothing if it is not."""
    there: dict[bytes, bool] = {}
    for event in sorted((e for e in trace if e.t_server is not None), key=lambda e: e.t_server or 0.0):
        name, key, *rest = event.command
        options = rest[1:]
        if name == b"SET" and not (b"NX" in options and key in there):
            kept = there.get(key, False) if b"KEEPTTL" in options else False
            there[key] = kept or b"PX" in options or b"EX" in options
        elif name == b"PEXPIRE" and key in there:
            there[key] = True
        elif name == b"DEL":
            for gone in (key, *rest):
                there.pop(gone, None)
    return next((f"{key.decode()} stays" for key, lives in there.items() if not lives), None)


def the_last_command_alone(trace: Trace) -> str | None:
    """The last command of each key says whether it lives; but one that did nothing says nothing."""
    last: dict[bytes, Event] = {}
    for event in sorted((e for e in trace if e.t_server is not None), key=lambda e: e.t_server or 0.0):
        for key in event.command[1:] if event.name == "DEL" else event.command[1:2]:
            last[key] = event
    bad = [key for key, event in last.items() if event.name == "SET" and event.reply and not gives_a_life(event)]
    return f"{bad[0].decode()} stays" if bad else None


def names_them_all(trace: Trace) -> str | None:
    said = follows()(trace)
    return said and f"one of {sorted({event.command[1].decode() for event in trace})} has no TTL"


def rewritten(change: Callable[[Event], tuple[bytes, ...]]) -> Property:
    """The right property, which reads other commands than there are."""

    def immortal(trace: Trace) -> str | None:
        return follows()(Trace("simulated", 0, [replace(event, command=change(event)) for event in trace]))

    return immortal


def split(event: Event) -> tuple[bytes, ...]:
    return tuple(b" ".join(event.command).split())


def long_lives(event: Event) -> tuple[bytes, ...]:
    """A life of 1 is taken for none."""
    return tuple(word for word in event.command if event.command[-1:] != (b"1",) or word not in (b"PX", b"EX"))


def by_prefix(trace: Trace) -> str | None:
    """DEL takes with it what begins alike."""
    named = {event.command[1] for event in trace}
    return rewritten(lambda event: event.command if event.name != "DEL" else (b"DEL", *(
        key for key in sorted(named) if any(key.startswith(gone) for gone in event.command[1:]))))(trace)  # fmt: skip


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("one-command-at-a-time", one_command_at_a_time),
    ("forgets-del", follows(forgets=False)),
    ("del-of-one", follows(most=1)),
    ("blames-keepttl", follows(keepttl=False)),
    ("keepttl-gives-one", follows(keeps=False)),
    ("once-is-for-ever", follows(loses=False)),
    ("forgets-ex", follows(lives=(b"PX",))),
    ("counts-what-was-lost", follows(lost=True)),
    ("in-the-order-sent", follows(by=lambda event: event.t_start)),
    ("mixes-keys", mixes_keys),
    ("blames-what-never-ran", follows(replies=False)),
    ("takes-a-value-for-an-option", follows(first=2)),
    ("names-no-key", follows(says=lambda key: "A key lives for ever.")),
]
SUBTLE = [
    ("NX is asked of the dictionary", "rules", nx_never),
    ("PEXPIRE makes a key", "rules", follows(absent=True)),
    ("sorted by when the reply came", "rules", follows(by=lambda event: event.t_end or event.t_start)),
    ("the key may be an option", "rules", follows(first=1), "takes-a-value-for-an-option"),
    ("DEL takes away two at most", "rules", follows(most=1), "del-of-one"),
    ("the last command alone", "rules", the_last_command_alone, "keepttl-gives-one"),
    ("KEEPTTL means a TTL, PX does not", "rules", follows(keeps=False, lives=(b"EX",)), "cries-wolf"),
    ("it names every key", "rules", names_them_all),
    ("splits the line at blanks", "rules", rewritten(split)),
    ("without empty words", "rules", rewritten(lambda event: tuple(filter(None, event.command)))),
    ("a life of 1 is none", "rules", rewritten(long_lives)),
    ("DEL of what begins alike", "rules", by_prefix),
    ("DEL takes away three words at most", "rules", follows(most=3)),
]
