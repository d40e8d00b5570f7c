"""The session lets go of what it opened, undoes what people did, and has it written even where the window is gone."""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import shiboken6
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.slides.reader import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError
from unet_studio.gui.background import Background
from unet_studio.gui.session import open_plane as session_module
from unet_studio.gui.session.session import Session


@pytest.fixture
def session(background: Background, folder: Path, qtbot: QtBot) -> Iterator[Session]:
    """Without a window, on the three slides."""
    session = Session(background)
    with qtbot.waitSignal(session.plane_opened):
        session.open_folder(folder)
    yield session
    session.close_folder()


def stroke(slide: str, side: int) -> Edit:
    box = Box(0, 0, side, side)
    before, after = np.full(box.shape, UNLABELLED, np.uint8), np.ones(box.shape, np.uint8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    edit = make_edit(PlaneId(slide), box, before, after, "stroke", **states)
    assert edit is not None
    return edit


def test_slide_whose_labels_can_not_be_read_is_closed_again(
    background: Background, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(folder) as project:
        project.record(1, stroke("s2.png", 64), (64, 64))
    opened: list[SlideReader] = []

    def open_slide(path: Path) -> SlideReader:
        opened.append(real(path))
        return opened[-1]

    real = session_module.open_slide
    monkeypatch.setattr(session_module, "open_slide", open_slide)
    session = Session(background)
    with qtbot.waitSignal(session.plane_opened):
        session.open_folder(folder)
    with qtbot.waitSignal(session.slide_failed) as failed:
        session.open_plane(PlaneId("s2.png"))
    assert failed.args is not None
    assert "64 × 64" in failed.args[1]
    assert [reader.path.name for reader in opened] == ["s1.png", "s2.png"]
    qtbot.waitUntil(lambda: all(reader._closed for reader in opened))
    session.close_folder()


@pytest.fixture
def stained(folder: Path) -> Path:
    """The three slides, of which the first is bright and coloured."""
    slide = np.full((64, 64, 3), (235, 225, 230), np.uint8)
    slide[16:48, 16:48] = (150, 40, 90)
    cv2.imwrite(str(folder / "s1.png"), slide)
    return folder


def test_a_new_project_of_stained_slides_begins_with_the_model_for_them(
    background: Background, stained: Path, qtbot: QtBot
) -> None:
    session = Session(background)
    session.open_folder(stained)
    qtbot.waitUntil(lambda: session.workspace is not None and session.workspace.active_model == "nuclei-histology")
    session.models.use("nuclei-fluorescence")
    session.close_folder()
    with qtbot.waitSignal(session.plane_opened):
        session.open_folder(stained)
    background.close()
    assert session.workspace is not None
    assert session.workspace.active_model == "nuclei-fluorescence", "what was chosen stays"
    session.close_folder()


def test_who_chooses_before_the_first_slide_is_there_keeps_the_choice(
    background: Background, stained: Path, qtbot: QtBot
) -> None:
    session = Session(background)
    session.open_folder(stained)
    session.models.use("axon-myelin")
    with qtbot.waitSignal(session.plane_opened):
        pass
    session.open_plane(PlaneId("s2.png"))
    with qtbot.waitSignal(session.plane_opened):
        pass
    assert session.workspace is not None
    assert session.workspace.active_model == "axon-myelin"
    session.close_folder()


def test_strokes_are_written_though_nobody_listens_any_more(
    background: Background, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    session = Session(background)
    with qtbot.waitSignals([session.plane_opened, session.saving_changed]):
        session.open_folder(folder)  # writes the model of a new project
    workspace = session.workspace
    assert workspace is not None
    assert workspace.journal.flush(5.0)
    shiboken6.delete(session)
    for slide in ("s1.png", "s2.png"):
        workspace.perform(stroke(slide, 128), (128, 128))
        assert workspace.journal.flush(5.0)
    assert workspace.close()
    with Project.open(folder) as project:
        assert {plane.slide for plane in project.states()} == {"s1.png", "s2.png"}
    assert failures == []


def undo(session: Session) -> str:
    """Take the last edit back; says which."""
    assert session.workspace is not None and session.workspace.next_undo is not None
    sentence = session.workspace.next_undo.sentence
    session.undo()
    return sentence


def test_undo_of_a_clean_up_shows_the_mask_and_tells_the_recipe(session: Session, qtbot: QtBot) -> None:
    session.set_steps((Step("erode", 2),), keep=False)  # while the slider is dragged
    session.set_steps((Step("erode", 4),))
    session.set_threshold(0.7)
    with qtbot.waitSignal(session.changed, check_params_cb=lambda changes: changes.recipe and changes.mask is not None):
        assert undo(session) == "threshold 0.70"
    with qtbot.waitSignal(session.changed) as changed:
        assert undo(session) == "clean-up: erode 4"
    assert changed.args is not None and changed.args[0].mask.steps == ()
    assert session.workspace is not None and session.workspace.next_undo is None
    session.redo()
    assert session.plane is not None
    assert session.plane.view.steps == (Step("erode", 4),)


def test_a_history_that_decayed_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Workspace) -> None:
        raise ProjectError("An edit can't be read.")

    told: list[str] = []
    session.notice.connect(lambda notice: told.append(notice.text))
    monkeypatch.setattr(Workspace, "undo", fail)
    session.undo()
    assert told == ["An edit can't be read."]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems let no such name be")
def test_what_is_left_out_of_a_folder_is_said_and_the_rest_is_shown(
    background: Background, qtbot: QtBot, folder: Path
) -> None:
    shutil.copy(folder / "s2.png", folder / os.fsdecode(b"caf\xe9.png"))
    (folder / "gone.png").symlink_to("nowhere.png")
    session = Session(background)
    with qtbot.waitSignal(session.notice) as said:
        assert session.open_folder(folder)
    (notice,) = said.args
    assert len(notice.details) == 2
    assert "isn't UTF-8" in notice.details[0]
    assert "which isn't there" in notice.details[1]
    assert session.workspace is not None
    assert not {"caf", "gon"} & {slide[:3] for slide in session.workspace.slides}
    session.close_folder()
