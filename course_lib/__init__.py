"""The map of the house. One way: a pattern runs in a world, a world leaves a trace, a trace is judged or drawn.

- `patterns`   what the course teaches: redis.asyncio and the standard library only. Read this first
- `errors`     one class for each named failure
- `trace`      Event, Note, Trace: what every world records
- `words`      numbers and lists as a sentence says them
- `sim`        virtual time: the loop, processes, the network, faults, the simulated server (`fake_server`)
- `servers`    real servers and whole topologies as local processes that never outlive the kernel
- `worlds`     Simulated, Embedded, Real: the same few verbs; `oracle` replays a simulated trace on a real server
- `explore`    every order of a few clients' commands, sampled ones, a fault at every command, the smallest failure
- `views`      trace or numbers → picture and its text alternative
- `widgets`    controls around views: lab, predict, be the scheduler, explore, topology panel
- `grading`    check, hint and replay for the exercises
- `lessons`    a folder for each lesson: experiments, pictures, lab, programs, exercises
- `lesson`     what a notebook's first cell calls
- `reference`  patterns/README.md, made from the docstrings
- `bootstrap`  builds the environment; needs nothing but Python

All but `lessons` are kits and know no lesson. tests/test_house.py says which of these may import which.
"""
