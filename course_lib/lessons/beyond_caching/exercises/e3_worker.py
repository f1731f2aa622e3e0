"""07.3, a worker: reads, packs, acknowledges, takes over from the dead, sets aside what is never packed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from course_lib.explore import CRASHED, Play, Trial
from course_lib.grading import key_log
from course_lib.grading.acts import PATIENCE, failure, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import hindered
from course_lib.grading.evidence import ms, raised
from course_lib.grading.rules import LOSSES, Failing, Found, Judge, Rules, named, trial, undisturbed
from course_lib.lessons.beyond_caching.exercises.e3_parcels import PLANS, Answer, at_once, passes

MOMENT = 0.05
"""Seconds for which a command may wait for more, and the pass does not."""


def trials(answer: Answer) -> list[Trial]:
    """One pass after another, with one fault at every send, and with a command refused; two workers at once."""
    quiet: dict[str, Judge] = {"once": undisturbed(_once), "fails": undisturbed(_fails)}
    always: dict[str, Judge] = {"after": _after, "every": _every, "alone": _alone, "dead": _dead}
    build = partial(passes, answer)
    return [
        trial("one pass after another", partial(build, PLANS), always | quiet | {"errors": key_log.errors}, sizes=(1,),
              seeds=len(PLANS) + 5, faults=LOSSES, fault_seeds=1, most_sends=40, horizon=20.0),
        trial("the server refuses a command", partial(build, PLANS[:1]),
              {"after": _after, "every": _every, "dead": _dead, "errors": key_log.errors}, sizes=(2,), seeds=21),
        trial("two workers at once", partial(at_once, answer), {"after": _after, "once": _once, "dead": _dead},
              sizes=(2,), seeds=6),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def _quiet(run: Play) -> bool:
    """Did nothing go wrong but what `pack` raised?"""
    return run.schedule.faults == 0 and run.witness.refuses is None


def _after(run: Play) -> Iterator[Found]:
    """An acknowledged parcel was packed before, or set aside."""
    log, lots = run.witness.happened, run.witness.lots
    seen: dict[str, set[str]] = {}
    for one in log:
        before = set(seen.setdefault(one.parcel, set()))
        seen[one.parcel].add(one.what)
        if one.what == "acknowledged" and not lots[one.parcel].deleted and not before & {"packed", "set aside"}:
            how = "while it was being packed" if "begins" in before - {"failed"} else "before it was packed"
            how = "although packing it had failed" if "failed" in before else how
            yield f"The entry of parcel {one.parcel!r} was acknowledged {how}.", "", one.when, "acknowledged"
    for one in run.witness.loose:
        text = (
            f"At {ms(one.when)} {one.who} began to pack parcel {one.parcel!r}, whose entry was never pending: whoever"
        )
        yield f"{text} dies now has lost it.", one.who, one.when, "not pending"
    for key in run.witness.strays:
        yield f"The key {key!r}, which is none of yours, was changed.", "", run.now, "another key"


def _every(run: Play) -> Iterator[Found]:
    """Every parcel that could be taken when a pass began was taken before it ended; and each pass ends."""
    for act in run.witness.acts:
        if act.failed and act.result is not act.error and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif not act.over and run.results.get(act.who) is not CRASHED:
            yield f"{act.who} never ended.", act.who, run.now, "no end"
        for parcel in act.due if act.done else ():
            since = {one.what for one in run.witness.by_parcel[parcel] if act.began <= one.when <= act.ended}
            if not since & {"given", "begins", "acknowledged"} and not run.witness.lots[parcel].deleted:
                lot = run.witness.lots[parcel]
                was = "had been pending for longer than claim_after" if lot.by else "was there"
                text = f"When {act.who} began, parcel {parcel!r} {was}; at {ms(act.ended)} it returned, and had not"
                yield f"{text} taken it.", act.who, act.ended, "left"
        if act.done and _quiet(run) and (when := _waits(run, act)) is not None:
            text = f"From {ms(when)} on {act.who} had nothing to pack, and it did not return: it waits for more."
            yield text, act.who, when, "waits"


def _waits(run: Play, act: Any) -> float | None:
    """Since when a pass did nothing for a while, although no command was slow; or since when a command waited."""
    blocks = (event for event in sent(run, act) if b"BLOCK" in event.command and event.reply is None)
    if (
        held := next((event for event in blocks if (event.t_end or run.now) - event.t_start > MOMENT), None)
    ) is not None:
        return held.t_start
    mine = [one for one in run.witness.happened if one.who == act.me and act.began <= one.when <= act.ended]
    busy = [one.when for one in mine if one.what in ("given", "packed", "failed")]
    ends = [*(one.when for one in mine if one.what in ("given", "begins")), act.ended]
    idle = ((since, min(end for end in ends if end > since)) for since in [act.began, *busy] if since < act.ended)
    return next((since for since, end in idle if end - since > PATIENCE), None)


def _alone(run: Play) -> Iterator[Found]:
    """Entries pending for less than claim_after are left alone; and each worker takes entries in its own name."""
    for one, had, _ in run.witness.soon:
        whose = "itself" if had == one.who else "a worker"
        text = f"At {ms(one.when)} {one.who} took parcel {one.parcel!r}, which had been given to {whose} less than "
        yield f"{text}{ms(run.witness.plan.claim_after)} before.", one.who, one.when, "too soon"
    names = {act.me for act in run.witness.acts}
    for one in run.witness.happened:
        if one.what == "given" and one.who not in names:
            text = f"At {ms(one.when)} parcel {one.parcel!r} was given to {one.who!r}, and no worker has that name."
            yield text, "", one.when, "another name"


def _once(run: Play) -> Iterator[Found]:
    """Where nothing fails, each parcel is packed once."""
    for parcel, lot in run.witness.lots.items():
        begun = run.witness.did_to(parcel, "begins")
        if len(begun) > 1 and not lot.fails:
            whose = " and ".join(dict.fromkeys(one.who for one in begun))
            text = f"Parcel {parcel!r} was packed {len(begun)} times, by {whose}"
            yield f"{text}; no worker died, and packing it did not fail.", begun[1].who, begun[1].when, "twice"


def _dead(run: Play) -> Iterator[Found]:
    """A parcel that was given `most` times and never packed is set aside, once, and acknowledged."""
    most = run.witness.plan.most
    for parcel, lot in run.witness.lots.items():
        begun, aside = run.witness.did_to(parcel, "begins"), run.witness.did_to(parcel, "set aside")
        before = lot.given if lot.by else 0
        if len(begun) > max(0, most - before):
            late = begun[max(0, most - before)]
            text = f"Parcel {parcel!r} had been given to workers {before} times before, and {late.who} packed it"
            text += f" as its delivery number {before + len(begun)}; most is {most}."
            yield text, late.who, late.when, "once more"
        elif aside and _quiet(run) and before + len(begun) < most:
            text = f"Parcel {parcel!r} had been given to workers {before + len(begun)} times, and was set aside"
            yield f"{text}; most is {most}.", "", aside[0].when, "too early"
        elif len(aside) > 1 and _quiet(run):
            yield f"Parcel {parcel!r} was set aside {len(aside)} times.", "", aside[1].when, "twice"
        elif aside and _quiet(run) and not run.witness.did_to(parcel, "acknowledged"):
            yield f"Parcel {parcel!r} was set aside, and its entry is still pending.", "", aside[0].when, "pending"
    if run.witness.cut:
        yield "Dead letters were cut off their stream.", "", run.now, "cut off"
    for act in run.witness.acts:
        for parcel in act.due if act.done and key_log.failed(key_log.sent(run, act)) is None else ():
            since = [one for one in run.witness.by_parcel[parcel] if act.began <= one.when <= act.ended]
            mine = any(one.what == "given" and one.who == act.me for one in since)
            left = mine and not {one.what for one in since} & {"begins", "set aside", "acknowledged"}
            if left and not run.witness.lots[parcel].deleted:
                text = f"{act.who} took parcel {parcel!r}, and at {ms(act.ended)} it returned: the parcel was neither"
                yield f"{text} packed nor set aside.", act.who, act.ended, "neither"
    for fields in run.witness.aside:
        if len(fields) != 2 or fields[0] != b"parcel" or fields[1].decode() not in run.witness.lots:
            yield f"An entry of the dead letters has the fields {fields}.", "", run.now, "other fields"


def _fails(run: Play) -> Iterator[Found]:
    """What `pack` raises stays within the pass."""
    for act in run.witness.acts:
        if act.failed and act.result is act.error:
            yield f"Packing failed, and {act.who} ended with {raised(act.result)}.", act.who, act.ended, "an error"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What was acknowledged when; what was left, and who had held it; what was sent."""
    runs: list[Any] = [failing.get(name) for name in ("after", "every", "alone", "once", "dead")]
    after, every, alone, once, dead = runs
    log = after.witness.happened if after is not None else []
    acked = next((place for place, one in enumerate(log) if one.what == "acknowledged" and not after.witness.lots[
        one.parcel].deleted and not {"packed", "set aside"} & {other.what for other in log[:place]
                                                               if other.parcel == one.parcel}), None)  # fmt: skip
    when = [one.what for one in (after.witness.by_parcel[log[acked].parcel] if acked is not None else [])]
    left = [act.due for act in every.witness.acts if act.done] if every is not None else []
    lots = every.witness.lots if every is not None else {}
    lost = [lots[one] for one in left[0] if not every.witness.did_to(one, "given")] if left else []
    names = {event.name for event in every.trace} if every is not None else set()
    took = [len(event.reply[0][1]) for event in once.trace if event.name == "XREADGROUP" and event.reply
            ] if once is not None else []  # fmt: skip
    quiet = dead is not None and dead.schedule.clients == 1 and after is None and alone is None
    given = (
        {
            one: [
                lot.given if lot.by else 0,
                len(dead.witness.did_to(one, "given")),
                len(dead.witness.did_to(one, "begins")),
            ]
            for one, lot in dead.witness.lots.items()
        }
        if quiet
        else {}
    )
    own = alone is not None and bool(alone.witness.soon) and all(had == one.who for one, had, _ in alone.witness.soon)
    history = alone is not None and any(e.name == "XREADGROUP" and e.command[-1] != b">" for e in alone.trace)
    yield from named({
        "acknowledges-what-failed": acked is not None and "failed" in when[: when.index("acknowledged")],
        "acknowledges-first": acked is not None and "begins" in when[when.index("acknowledged") :],
        "never-claims": after is None and bool(lost) and all(lot.by for lot in lost)
        and not names & {"XPENDING", "XCLAIM", "XAUTOCLAIM", "EVAL", "EVALSHA"},
        "reads-its-own": after is None and own and history,
        "takes-it-at-once": after is None and alone is not None and bool(alone.witness.soon) and not history
        and all(waited < 0.6 for *_, waited in alone.witness.soon),
        "stops-at-a-failure": "fails" in failing,
        "reads-many": after is None and alone is None and max(took, default=0) > 1 and once.schedule.clients == 2,
        "never-sets-aside": quiet and not dead.witness.aside and sum(
            before >= dead.witness.plan.most and packed > 0 for before, _, packed in given.values()) > 1,
        "one-too-many": quiet and bool(dead.witness.aside) and dead.violation("dead").mark in ("once more", "too early")
        and all(packed <= times for _, times, packed in given.values())
        and not any(b"JUSTID" in event.command for event in dead.trace),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, me, pack, *, claim_after, most"), trials, clues)
