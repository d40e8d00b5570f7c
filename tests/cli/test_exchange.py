"""`import` and `export` bring masks in and out."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from unet_studio.cli.terminal import TerminalReporter
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.project.store import Project

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
Refused = Callable[..., str]
Mask = NDArray[np.uint8]


def test_what_is_proposed_is_exported_and_evaluated(
    run: Run, ask: Ask, refused: Refused, proposed: Path, truth: Path, truths: dict[str, Mask], tmp_path: Path
) -> None:
    assert "--state any" in refused("export", proposed, "--out", tmp_path / "out")
    content = ask("export", proposed, "--out", tmp_path / "out", "--state", "any", "--values", "binary")
    assert content["files"] == [str(tmp_path / "out" / slide) for slide in truths]
    mask = read_mask(tmp_path / "out" / "sub" / "c.png")
    assert (mask == truths["sub/c.png"] * 255).mean() > 0.9
    scores = ask("evaluate", proposed, "--truth", truth)
    assert [slide["slide"] for slide in scores["slides"]] == list(truths)
    assert 0.8 < scores["pooled"]["dice"] <= 1
    table = run("evaluate", proposed, "--truth", truth).stdout
    assert table.splitlines()[-1].startswith("pooled")


def test_imported_masks_become_labels(ask: Ask, refused: Refused, folder: Path, truth: Path) -> None:
    (truth / "b.png").unlink()
    cv2.imwrite(str(truth / "a.png"), np.zeros((5, 7), np.uint8))
    content = ask("import", folder, "--masks", truth, "--classes", "spot", exit_code=1)
    assert content["imported"] == ["sub/c.png"]
    assert "its slide 'a.png' is 64 × 64" in content["failed"][0]["problem"]
    with Project.open(folder) as project:
        assert [c.name for c in project.classes()] == ["background", "spot"]
        assert list(project.states().values()) == [PlaneState.REVIEWED]
        assert (project.place / "masks" / "sub" / "c.png").exists()
    assert "has classes already: spot" in refused("import", folder, "--masks", truth, "--classes", "cell")


def test_what_the_values_of_masks_mean_can_be_said(
    ask: Ask, refused: Refused, proposed: Path, truth: Path, truths: dict[str, Mask]
) -> None:
    for slide, mask in truths.items():
        cv2.imwrite(str(truth / slide), np.where(mask == 1, 130, 3).astype(np.uint8))
    meant = ("--meaning", "0=background,127=spot")
    assert "3 (" in ask("import", proposed, "--masks", truth, *meant, exit_code=1)["failed"][0]["problem"]
    content = ask("import", proposed, "--masks", truth, *meant, "--nearest")
    assert content["imported"] == list(truths)
    scores = ask("evaluate", proposed, "--truth", truth, *meant, "--nearest")
    assert scores["pooled"]["dice"] == 1
    for wrong in (["--nearest"], [*meant, "--foreground", "3"]):
        assert "either --foreground or --meaning" in refused("evaluate", proposed, "--truth", truth, *wrong)
    assert "names no class" in refused("import", proposed, "--masks", truth, "--meaning", "0=tree")


def test_what_has_no_partner_is_said_on_both_sides(run: Run, ask: Ask, proposed: Path, truth: Path) -> None:
    (truth / "b.png").rename(truth / "stranger.png")
    (truth / "a.png").rename(truth / "a_mask.PNG")
    for command in (("import", proposed, "--masks", truth), ("evaluate", proposed, "--truth", truth)):
        content = ask(*command, exit_code=1)
        assert content["slides_without_mask"] == ["b.png"]
        assert content["masks_without_slide"] == ["stranger.png"]
        said = run(*command).stdout
        assert "Slides without a mask: b.png." in said
        assert "Masks without a slide: stranger.png." in said


def test_importing_again_says_that_nothing_changed(run: Run, ask: Ask, folder: Path, truth: Path) -> None:
    ask("import", folder, "--masks", truth)
    content = ask("import", folder, "--masks", truth)
    assert (content["imported"], len(content["unchanged"]), content["pixels_kept"]) == ([], 3, 0)
    for file in truth.rglob("*.png"):
        cv2.imwrite(str(file), np.full((64, 64), 255, np.uint8))
    said = run("import", folder, "--masks", truth).stdout
    assert "Masks of 0 slides imported." in said
    assert "Nothing changed in 3 slides" in said
    assert "--overwrite replaces them" in said
    assert len(ask("import", folder, "--masks", truth, "--overwrite")["imported"]) == 3


def test_the_strokes_that_were_exported_come_back_the_same(ask: Ask, folder: Path, tmp_path: Path) -> None:
    strokes = np.full((64, 64), 255, np.uint8)
    strokes[5:20] = 0
    (tmp_path / "strokes").mkdir()
    cv2.imwrite(str(tmp_path / "strokes" / "a.png"), strokes)
    meant = ("--meaning", "0=background,255=unlabelled")
    ask("import", folder, "--masks", tmp_path / "strokes", *meant, "--classes", "spot")
    for form in ("png", "tiff"):
        out, second = tmp_path / form, ("--project", tmp_path / f"second {form}")
        ask("export", folder, "--out", out, "--state", "corrected", "--format", form)
        ask("import", folder, "--masks", out, "--classes", "spot", *second)
        again = ask("export", folder, "--out", tmp_path / f"again {form}", "--state", "corrected", *second)
        np.testing.assert_array_equal(read_mask(Path(again["files"][0])), strokes)


@pytest.mark.parametrize("command", ["import", "export", "evaluate"])
def test_what_was_stopped_is_not_reported_as_complete(
    run: Run, ask: Ask, proposed: Path, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    report = TerminalReporter.report

    def interrupt(self: TerminalReporter, done: float, text: str) -> None:
        report(self, done, text)
        if not self.cancelled():
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TerminalReporter, "report", interrupt)
    arguments = {
        "import": ("--masks", truth), "export": ("--out", tmp_path / "out", "--state", "any"),
        "evaluate": ("--truth", truth),
    }[command]  # fmt: skip
    content = ask(command, proposed, *arguments, exit_code=1)
    assert (content["complete"], content["of"], content["failed"]) == (False, 3, [])
    assert len(content[{"import": "imported", "export": "files", "evaluate": "slides"}[command]]) == 1
    result = run(command, proposed, *arguments)
    assert result.exit_code == 1
    assert "Stopped: " in result.stdout and "of 3 " in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems let no such name be")
def test_a_name_that_is_no_text_costs_that_slide_only(ask: Ask, folder: Path, truth: Path, tmp_path: Path) -> None:
    for place in (folder, truth):
        shutil.copy(place / "a.png", place / os.fsdecode(b"caf\xe9.png"))
    commands = {
        "import": ("--masks", truth), "export": ("--out", tmp_path / "out"),
        "evaluate": ("--truth", truth), "clean": ("--steps", "open:disk:1"),
    }  # fmt: skip
    for command, arguments in commands.items():
        content = ask(command, folder, *arguments, exit_code=1)
        assert {problem["slide"] for problem in content["failed"]} == {"caf\\xe9.png"}
        assert "isn't UTF-8" in content["failed"][0]["problem"]
    with Project.open(folder) as project:
        assert len(project.states()) == 3


@pytest.mark.parametrize("form", ["png", "tiff", "overlay"])
def test_an_export_replaces_its_own_files_and_others_only_on_request(
    ask: Ask, refused: Refused, proposed: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out"
    command = ("export", proposed, "--out", out, "--state", "any", "--format", form)
    files = [Path(file) for file in ask(*command)["files"]]
    assert [Path(file) for file in ask(*command)["files"]] == files
    for file in files[:2]:
        file.write_bytes(b"of my own")
    said = refused(*command)
    assert "2 files in" in said and files[0].name in said
    assert [file.read_bytes() for file in files[:2]] == [b"of my own"] * 2
    assert len(ask(*command, "--overwrite")["files"]) == 3
    assert files[0].read_bytes() != b"of my own"


def test_an_export_writes_through_no_link(ask: Ask, run: Run, proposed: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "mine.png").write_bytes(b"of my own")
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "mine.png")
    command = ("export", proposed, "--out", tmp_path / "out", "--state", "any")
    for more in ((), ("--overwrite",)):
        run(*command, *more)
        assert (tmp_path / "mine.png").read_bytes() == b"of my own"
