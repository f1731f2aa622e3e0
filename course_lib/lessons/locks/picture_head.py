"""The picture at the head of lesson 04: one invoice run, five workers, and no lock."""

from __future__ import annotations

from typing import Any

from course_lib.lessons.locks.experiment_one_job import Worker, shift
from course_lib.views.axes import LEFT, Kind, dots, framed, legend, linear, right, time_axis
from course_lib.views.palette import BLUE, VERMILLION
from course_lib.views.picture import Picture

INVOICES, WORKERS, SEED = 40, 5, 1
TOP, ROW = 44.0, 26.0
KINDS = {
    "first": Kind("sends an invoice", BLUE, "h.01", 7.0),
    "again": Kind("sends one that a customer already has", VERMILLION, "m-4-4l8 8m0-8l-8 8", 2.4),
}


async def send_all(redis: Any, worker: Worker) -> None:
    """The naive invoice run: send what is not noted as sent, then note it."""
    for number in range(INVOICES):
        if not await redis.sismember("app:invoices:sent", number):
            await worker.work(0.01 + 0.02 * worker.draw())  # the letter goes out
            await redis.sadd("app:invoices:sent", number)


def head() -> Picture:
    """Every letter that leaves, by worker: SADD answers 0 where the invoice was noted as sent already."""
    sent = [event for event in shift(send_all, workers=WORKERS, seed=SEED).trace if event.name == "SADD"]
    again = [event for event in sent if event.reply == 0]
    last, foot = max(event.t_end or 0.0 for event in sent), TOP + ROW * WORKERS
    x, lanes = linear(0.0, last, LEFT, right()), {f"w{n + 1}": TOP + ROW * (n + 0.5) for n in range(WORKERS)}
    places = ((x(e.t_start), lanes[e.client], "first" if e.reply else "again") for e in sent)
    title = f"{INVOICES} invoices, {len(sent)} letters: {len(again)} go out again"
    parts = [
        *(f'<path class="grid" d="M{LEFT} {y:.0f}H{right():g}"/>' for y in lanes.values()),
        *(f'<text class="s end b" x="{LEFT - 8}" y="{y + 4:.0f}">{name}</text>' for name, y in lanes.items()),
        *dots(places, KINDS),
        time_axis(x, last, foot, "seconds (virtual time)"),
        legend(KINDS, foot + 62, KINDS),
    ]
    alt = f"{title}. {WORKERS} workers work through one list at the same time, without a lock, for {last:.1f} seconds."
    return framed(title, parts, height=foot + 74, alt=alt, uid="head-04")
