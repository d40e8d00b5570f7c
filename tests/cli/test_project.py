"""A command opens the project of a folder that is there, and holds its write lock."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from typer.testing import Result

from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.backups import back_up, find_backups
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.lock import writing

Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]
Run = Callable[..., Result]


def test_a_folder_that_isnt_there_stays_that_way(refused: Refused, tmp_path: Path) -> None:
    assert "There is no folder" in refused("propose", tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_a_project_in_use_is_not_written_but_can_be_exported(
    ask: Ask, refused: Refused, proposed: Path, tmp_path: Path
) -> None:
    with writing(proposed / "unet-studio"):
        assert "open in another window or command" in refused("clean", proposed, "--steps", "open:1")
        assert len(ask("export", proposed, "--out", tmp_path / "out", "--state", "any")["files"]) == 3


def test_the_project_may_be_kept_elsewhere(
    ask: Ask, refused: Refused, folder: Path, bright: ModelCard, tmp_path: Path
) -> None:
    (folder / "unet-studio").write_text("in the way")
    assert "Name it with --project DIR" in refused("models", folder)
    ask("propose", folder, "--model", bright.folder, "--project", tmp_path / "place")
    assert (tmp_path / "place" / "proposals" / "bright" / "a.png").is_dir()


def test_a_damaged_project_is_put_together_from_its_backup_and_said_so(
    run: Run, proposed: Path, tmp_path: Path
) -> None:
    place = proposed / "unet-studio"
    back_up(place)
    file = place / FILE
    file.write_bytes(file.read_bytes()[:6000])
    done = run("export", proposed, "--out", tmp_path / "out", "--state", "any")
    assert done.exit_code == 0 and "3 files written" in done.stdout
    assert "has been put together again from its backup of" in done.stderr


def test_a_command_that_writes_makes_a_backup_first(ask: Ask, proposed: Path) -> None:
    for backup in find_backups(proposed / "unet-studio"):
        backup.file.unlink()
    ask("clean", proposed, "--steps", "open:disk:2")
    (backup,) = find_backups(proposed / "unet-studio")
    with closing(sqlite3.connect(backup.file)) as store:
        assert store.execute("SELECT value FROM setting WHERE name = 'clean_up'").fetchone() is None
