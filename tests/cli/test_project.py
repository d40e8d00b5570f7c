"""A command opens the project of a folder that is there, and holds its write lock."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.lock import writing

Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]


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
