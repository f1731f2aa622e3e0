"""The edition for a browser alone, beside the pages to read: each page that is alive there leads to it."""

from __future__ import annotations

import json
from pathlib import Path


def script(lite: Path) -> str:
    """What tells `site.js` which pages are notebooks of the edition in this folder; none, if it is not built."""
    files = lite / "files"
    names = sorted(path.relative_to(files).with_suffix("").as_posix() for path in files.glob("*/*.ipynb"))
    return f"const LIVE = {json.dumps(names)};\n"
