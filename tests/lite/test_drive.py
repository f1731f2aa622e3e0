"""A kernel is not made before there is a drive for it to mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.lite import __main__ as lite
from course_lib.website.tools import Missing

MADE = "let{K:t}=await n.e(635),l=!!((null==i?void 0:i.enabled)||crossOriginIsolated),o=new t({mountDrive:l})"


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lite, "LITE", tmp_path)
    script = tmp_path / "extensions" / "@jupyterlite" / "pyodide-kernel-extension" / "static" / "716.js"
    script.parent.mkdir(parents=True)
    for other in ("1.js", "999.js"):
        script.with_name(other).write_text("another")
    return script


def test_a_kernel_waits_for_the_service_worker(extension: Path) -> None:
    extension.write_text(f"before;{MADE};after")
    lite.wait_for_the_drive()
    assert extension.read_text() == f"before;{MADE};after".replace(
        "l=!!(", "l=(await (null==i?void 0:i.ready.catch(()=>{})),!!("
    ).replace("Isolated),o", "Isolated)),o")


@pytest.mark.parametrize("script", ["", f"{MADE};{MADE}"])
def test_another_extension_is_refused(extension: Path, script: str) -> None:
    extension.write_text(script)
    with pytest.raises(Missing, match="once was expected"):
        lite.wait_for_the_drive()
