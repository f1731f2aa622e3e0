"""Which schedule is played next: a strategy yields schedules, and learns from the runs that they come to.

- `exhaustive` every order of commands, also with faults at each send; or one of each class, by sleep sets
- `delays`     one client that is late, beyond each timer and TTL
- `twins`      another order of the same class, which must be judged alike
- `pct`        probabilistic concurrency testing: orders drawn at random, also with faults
- `seeds`      runs in time, one for each seed
- `faults`     fault injection: one fault at every send of a run in time

`course_lib.explore.loop` plays what they yield.
"""
