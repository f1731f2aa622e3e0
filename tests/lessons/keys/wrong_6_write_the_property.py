"""Wrong properties for 02.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.trace import Event, Trace

Property = Callable[[Trace], str | None]


def follows(
    *, lost: bool = False, keepttl: bool = True, replies: bool = True, forgets: bool = True, loses: bool = True
) -> Property:
    """A property that follows each key, with one thing left out; by default as it should be."""

    def immortal(trace: Trace) -> str | None:
        expires: dict[bytes, bool] = {}
        ran = [event for event in trace if lost or event.t_server is not None]
        for event in sorted(ran, key=lambda event: event.t_server or event.t_start):
            name, key, *options = event.command
            if name == b"SET" and (event.reply is not None or not replies or lost):
                before = expires.get(key, False)
                given = b"PX" in options or b"EX" in options
                expires[key] = given or (before and (not loses or (keepttl and b"KEEPTTL" in options)))
            elif name == b"PEXPIRE" and key in expires:
                expires[key] = True
            elif name == b"DEL" and forgets:
                for gone in (key, *options):
                    expires.pop(gone, None)
        return next((f"{key.decode()} lives for ever" for key, lives in expires.items() if not lives), None)

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


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("one-command-at-a-time", one_command_at_a_time),
    ("forgets-del", follows(forgets=False)),
    ("blames-keepttl", follows(keepttl=False)),
    ("once-is-for-ever", follows(loses=False)),
    ("counts-what-was-lost", follows(lost=True)),
    ("mixes-keys", mixes_keys),
    ("blames-what-never-ran", follows(replies=False)),
]
