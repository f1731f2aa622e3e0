"""An autograder to upload to Gradescope: setup.sh, run_autograder, the course, and nothing of anybody's.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from course_lib.grading.batch.handout import JUDGING, ROOT, lesson

PACKAGES = ("redis", "fakeredis", "lupa", "sortedcontainers", "tqdm", "ipython", "traitlets", "packaging")
"""What the grader imports; the rest of the course's environment draws notebooks."""
PARTS = (*JUDGING, "views", "servers")

SETUP = """#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image. The base image must have Python 3.11 or newer: Ubuntu 24.04.
set -euo pipefail
AUTOGRADER="${AUTOGRADER:-/autograder}"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && [ -z "${NO_APT:-}" ]; then
    apt-get update && apt-get install -y python3 python3-venv bubblewrap libseccomp2
fi
python=""
for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python="$name"; break
    fi
done
[ -n "$python" ] || { echo "Choose a base image with Python 3.11 or newer, such as Ubuntu 24.04." >&2; exit 1; }
"$python" -m venv "$AUTOGRADER/venv"
"$AUTOGRADER/venv/bin/python" -m pip install --quiet -r "$AUTOGRADER/source/requirements.txt"
"""
RUN = """#!/usr/bin/env bash
# Gradescope runs this for each submission, and reads results/results.json afterwards.
set -euo pipefail
AUTOGRADER="${AUTOGRADER:-/autograder}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/in"
cp -RP "$AUTOGRADER/submission" "$work/in/student"
cd "$AUTOGRADER/source"
"$AUTOGRADER/venv/bin/python" -m course_lib.grading "$work/in" --out "$work/out" --jobs 1 --quiet \\
    --lesson @LESSON@ @OPTIONS@
mkdir -p "$AUTOGRADER/results"
cp "$work/out/gradescope/student.json" "$AUTOGRADER/results/results.json"
"""


def archive(number: str, secret: bytes = b"", *, unsafe: bool = False) -> bytes:
    """The zip for one lesson; always the same bytes for the same course. Raises: NoSuchLesson."""
    its = lesson(number)
    options = "--secret-file secret.txt" * bool(secret) + " --unsafe" * unsafe
    files: dict[str, bytes] = {
        "setup.sh": SETUP.encode(),
        "run_autograder": RUN.replace("@LESSON@", number).replace("@OPTIONS@", options.strip()).encode(),
        "requirements.txt": _requirements().encode(),
        f"exercises/{its.file}": (ROOT / "exercises" / its.file).read_bytes(),
        **({"secret.txt": secret} if secret else {}),
    }
    kept = [path for part in PARTS for path in (ROOT / "course_lib" / part).rglob("*") if path.is_file()]
    kept += (ROOT / "course_lib").glob("*.py")
    for path in kept:
        if "__pycache__" not in path.parts:
            files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if name in ("setup.sh", "run_autograder") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, files[name])
    return made.getvalue()


def _requirements() -> str:
    """The versions with which the course is tested."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = [re.search(rf"^{re.escape(name)}==([\w.]+)", lock, re.MULTILINE) for name in PACKAGES]
    return "".join(f"{match[0]}\n" for match in found if match is not None)


def save(path: Path, number: str, secret: bytes = b"", *, unsafe: bool = False) -> None:
    """Raises: OSError, NoSuchLesson."""
    path.write_bytes(archive(number, secret, unsafe=unsafe))
