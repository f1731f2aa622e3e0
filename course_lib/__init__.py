"""The map. Data flows one way: a pattern runs in a world, a world leaves a trace, a trace is judged or drawn.

- `patterns`   what the course teaches: redis.asyncio and the standard library only. Read this first
- `errors`     one class for each named failure
- `trace`      Event, Note, Trace: what every world records
- `words`      numbers and lists put into words
- `lazy`       names of a package that are imported when somebody asks for them
- `sim`        virtual time: the loop, processes, the network, faults, the simulated server (`fake_server`)
- `servers`    real servers and whole topologies as local processes that never outlive the kernel
- `wire`       simulated processes whose code runs in another operating-system process
- `worlds`     Simulated, Embedded, Real: the same few verbs; `oracle` replays a simulated trace on a real server
- `explore`    every order of the clients' commands, or a sample, with faults at each command; the smallest failure
- `views`      trace or numbers → picture and its text alternative
- `widgets`    controls around views: lab, predict, be the scheduler, explore, topology panel
- `grading`    check, hint and replay for the exercises
- `lessons`    a folder for each lesson: experiments, pictures, lab, programs, exercises
- `lesson`     what a notebook's first cell calls
- `notebook`   the notebook that runs: what waits for an answer, what a cell needs from those above it
- `reference`  patterns/README.md, made from the docstrings
- `bootstrap`  builds the environment; needs nothing but Python
- `groups`     further environments inside `.venv`: for slides, the site, the peers that tests compare with
- `slides`     installs the JupyterLab extension for slides (`make live`)
- `stage`      what an instructor has in front of a class: a shop to break, and the window with the notes
- `website`    the course as pages to read
- `lite`       the course in a browser alone

The kits are patterns, sim, servers, wire, worlds, explore, views, widgets and grading. They know no lesson, except that
`grading` looks one up by its number. tests/test_house.py says which part may import which.
"""
