"""Build .venv/peers: an environment for each group of peers in pyproject.toml. `make peers` runs this, and `make bench`
with `--bench`, for those too that are only measured.

With uv where there is one, else with pip. What is there and up to date is left alone. A package that cannot be had is
no error of the course: its tests are skipped, and this says so and ends with 1.
"""

from __future__ import annotations

import sys

from course_lib import groups

from .environment import FOLDER, GROUPS, is_built


def build(group: str) -> bool:
    FOLDER.mkdir(parents=True, exist_ok=True)
    missing = FOLDER / f"{group}.missing"  # says why its tests are skipped
    try:
        groups.environment(FOLDER / group, GROUPS[group])
    except groups.Failed as failed:
        print("\n    ".join([f"{group} cannot be built:", *str(failed).splitlines()[-6:]]), file=sys.stderr)
        missing.write_text(str(failed))
        return False
    missing.unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    wanted = [group for group in GROUPS if not group.startswith("bench") or "--bench" in sys.argv]
    missing = [group for group in wanted if not is_built(group)]
    if missing:
        print(f"Building .venv/peers: {', '.join(missing)}.", file=sys.stderr, flush=True)
    built = [build(group) for group in missing]
    sys.exit(0 if all(built) else 1)
