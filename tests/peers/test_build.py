"""The peers' environments: exact versions, and a package that cannot be had is a sentence and a skipped test."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from . import build, environment


def test_every_peer_is_pinned() -> None:
    """A fault was seen in one version; the next may have mended it."""
    for pins in environment.GROUPS.values():
        for pin in map(Requirement, pins):
            assert [specifier.operator for specifier in pin.specifier] == ["=="], pin


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No environment is built, and the one that would be needs a package that no index has, without a network."""
    for module in (build, environment):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setitem(environment.GROUPS, "peers", ["redis==0.0.0.dev0"])
    for name in ("PIP_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    return tmp_path


def test_without_its_environment_a_test_is_skipped_with_what_to_do(nowhere: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^the peers are not installed \(make peers\)$"):
        environment.Script("locks")


def test_a_package_that_cannot_be_had_skips_with_another_reason(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not build.build("peers")
    assert capsys.readouterr().err.startswith("peers cannot be built:\n")
    with pytest.raises(pytest.skip.Exception, match="^the package index could not supply the peers$"):
        environment.Script("locks")
