"""The module `lupa` of the edition in a browser does to every script what the real one does."""

from __future__ import annotations

import json

from .machine import built, in_the_browsers_python
from .traces import digest
from .transcripts import scripts, transcript


def test_the_scripts_of_the_course_are_found() -> None:
    """And they do what scripts do: a control for the test below."""
    found = scripts()
    assert len(found) > 60
    lines = transcript("return redis.call('INCR', KEYS[1]) + ARGV[1]")
    assert any("→ Failure" in line or "attempt to" in line for line in lines)
    assert len({line.split(":", 1)[1] for line in lines}) > 3


@built
def test_every_script_asks_and_ends_the_same_in_both() -> None:
    told = [json.loads(line) for line in in_the_browsers_python("lite.transcripts").splitlines()]
    assert [one[0] for one in told] != []
    differing = {}
    for (_, start, there), script in zip(told, scripts(), strict=True):
        here = transcript(script)
        if there != here:
            differing[start] = [pair for pair in zip(here, there, strict=True) if pair[0] != pair[1]][:2]
    assert differing == {}


@built
def test_the_simulation_gives_the_same_traces_there() -> None:
    assert in_the_browsers_python("lite.traces").strip() == digest()
