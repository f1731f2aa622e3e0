"""How good are the judges? Mechanical mutants of the solutions are handed to `check`, which must refuse them.

`python -m tests.mutants` does what `make mutants` does.
- `operators`        a cell's source → its mutants
- `lua`              the same for the scripts within it
- `solutions`        the exercises' solutions, and an answer made from a source
- `judging`          workers that check mutants, each with a hard limit of time
- `listed`           equivalent.toml: which mutants keep the contract, and which break it unseen
- `report`           what became of each mutant: a table by exercise, and what is wrong

`python -m tests.mutants.kits` is `make mutants KIT=…`: mutants of a kit's modules, judged by the kit's tests.
- `reached`          which tests run which statements
- `kits`             what becomes of each mutant, and the score of each kit

Not kept: cosmic-ray 8, whose operators can be called from Python. They name a mutant by its number, and know neither a
dropped statement, await or argument nor Lua; and it comes with 40 packages.
"""
