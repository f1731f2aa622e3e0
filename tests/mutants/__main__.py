"""`python -m tests.mutants`: judge mutants of the solutions, and say which of them nobody refuses."""

from __future__ import annotations

import argparse
import random
import sys

from tqdm import tqdm

from .judging import judged
from .listed import read
from .operators import Mutant, mutants
from .report import complaints, table, unmatched
from .solutions import exercises, solution


def sampled(exercise: str, size: int | None, seed: int) -> list[tuple[str, Mutant]]:
    """So many of an exercise's mutants, the same ones for a seed, in their order; all of them without a size."""
    found = [(exercise, mutant) for mutant in mutants(solution(exercise).source)]
    if size is None or size >= len(found):
        return found
    places = sorted(random.Random(f"{seed} {exercise}").sample(range(len(found)), size))
    return [found[place] for place in places]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--exercise", action="append", choices=exercises(), help="only this one; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants of each exercise")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes judge at once (default: 1)")
    chosen = parser.parse_args(arguments)
    listed = read()
    names = chosen.exercise or exercises()
    known = [(name, mutant.id) for name in names for _, mutant in sampled(name, None, 0)]
    wrong = unmatched(known, {key: kind for key, kind in listed.items() if key[0] in names})
    cases = [case for name in names for case in sampled(name, chosen.sample, chosen.seed)]
    results = []
    with tqdm(total=len(cases), unit=" mutants", disable=None) as bar:
        for result in judged(cases, jobs=chosen.jobs):
            results.append(result)
            bar.set_description(result.exercise, refresh=False)
            bar.update()
    print(table(results, listed))
    wrong += complaints(results, listed)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
