"""Print a digest of the simulation's traces, results and notes, also in a Python that has no pytest.

Not of how many callbacks the loop has run: of a pipeline's that is another number under Python 3.14 there.
"""

from __future__ import annotations

import hashlib

from sim.scenarios import ALL, FAULTS, play


def digest() -> str:
    """Two seeds of each scenario with each fault."""
    whole = hashlib.sha256()
    for scenario in ALL:
        for faults in FAULTS:
            for seed in range(2):
                sim = play(scenario, seed, faults)
                results = sorted((name, repr(value)) for name, value in sim.results.items())
                whole.update(f"{sim.trace.digest()} {results} {sim.trace.notes}\n".encode())
    return whole.hexdigest()


if __name__ == "__main__":
    print(digest())
