"""Nothing outside of a project is read, written or removed, whatever names its files, models and folders have."""

import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.exporting import ExportRequest, Format, export
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.labels.plane import PlaneId, PlaneState, ProposalId
from unet_studio.core.masks.kept import find_under
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import find_proposal, proposal_file, proposed_planes, slide_stamp
from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import ModelError, PathError
from unet_studio.protocol.values import ProposeJob, SlideFailed
from unet_studio.usecases.remove_model import remove_model
from unet_studio.worker.jobs import Jobs

Mask = NDArray[np.uint8]
LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")


@pytest.fixture
def precious(folder: Path) -> Path:
    """A folder beside the slides with a picture that must stay as it is."""
    place = folder.parent / "other"
    place.mkdir()
    cv2.imwrite(str(place / "a.png"), np.full((64, 64), 7, np.uint8))
    return place


@pytest.fixture
def review(project: Project, truths: dict[str, Mask]) -> Callable[[str], None]:
    """Review a slide."""

    def review_slide(slide: str) -> None:
        truth, box = truths[slide], Box.of_shape(truths[slide].shape)
        states = {"state_before": PlaneState.NEW, "state_after": PlaneState.REVIEWED}
        edit = make_edit(PlaneId(slide), box, np.full_like(truth, 255), truth, "labels", **states)
        assert edit is not None
        project.record(project.next_edit_id(), edit, truth.shape)

    return review_slide


def rename(project: Project, slide: str, name: str) -> None:
    """Give a plane in the store another slide, as nobody does but a person who means harm."""
    with sqlite3.connect(project.place / FILE) as store:
        store.execute("UPDATE plane SET slide = ? WHERE slide = ?", (name, slide))
    store.close()


def contents(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("kind", list(Format))
@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_plane_elsewhere_is_not_exported_and_the_others_are(
    project: Project, precious: Path, review: Callable[[str], None], kind: Format, is_absolute: bool
) -> None:
    review("a.png")
    review("b.png")
    before = contents(precious)
    rename(project, "a.png", str(precious / "a.png") if is_absolute else "../other/a.png")
    outcomes = list(export(project, ExportRequest(precious.parent / "out", kind)))
    (refused,) = (outcome.problem for outcome in outcomes if outcome.slide != "b.png")
    assert "is no name of a file below" in refused
    (done,) = (outcome.file for outcome in outcomes if outcome.slide == "b.png")
    assert done == precious.parent / "out" / ("b.tif" if kind is Format.TIFF else "b.png")
    assert contents(precious) == before


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/../..", "sub/"])
def test_a_plane_without_a_name_costs_that_plane_only(
    project: Project, tmp_path: Path, review: Callable[[str], None], name: str
) -> None:
    review("a.png")
    review("b.png")
    rename(project, "a.png", name)
    outcomes = {outcome.slide: outcome for outcome in export(project, ExportRequest(tmp_path / "out"))}
    assert outcomes[name].problem and not outcomes["b.png"].problem


@pytest.mark.parametrize("still_reviewed", [False, True])
def test_keeping_masks_neither_overwrites_nor_removes_anything_elsewhere(
    project: Project, precious: Path, review: Callable[[str], None], still_reviewed: bool
) -> None:
    review("a.png")
    (project.place / "masks").mkdir()
    before = contents(precious)
    name = "../other/a.png"
    rename(project, "a.png", name)
    if not still_reviewed:
        project.undo(1)
    with pytest.raises(PathError):
        keep_masks(project, [PlaneId(name)])
    assert contents(precious) == before


@LINKS
def test_nothing_is_written_or_removed_through_a_link(
    project: Project, precious: Path, tmp_path: Path, review: Callable[[str], None]
) -> None:
    review("sub/c.png")
    shutil.copy(precious / "a.png", precious / "c.png")
    before = contents(precious)
    out = tmp_path / "out"
    out.mkdir()
    (out / "sub").symlink_to(precious)
    (outcome,) = export(project, ExportRequest(out))
    assert "by a link" in outcome.problem
    (project.place / "masks").symlink_to(precious)
    (precious / "sub").symlink_to(precious)
    with pytest.raises(PathError, match="by a link"):
        keep_masks(project, [PlaneId("sub/c.png")])
    project.undo(1)
    with pytest.raises(PathError, match="by a link"):
        keep_masks(project, [PlaneId("sub/c.png")])
    assert contents(precious) == before


@pytest.mark.parametrize("name", ["../../ESCAPE", "..", "/tmp/x", "a/b", ""])
def test_the_id_of_a_model_is_no_path(project: Project, bright: ModelCard, name: str) -> None:
    """Such a card is refused, so that nothing is ever proposed, kept or removed under its name."""
    home = project.place / "models" / "x"
    shutil.copytree(bright.folder, home)
    card = home / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('id = "bright"', f'id = "{name}"'), encoding="utf-8")
    with pytest.raises(ModelError, match="can't be a model's id"):
        read_card(home)
    assert project_models(project.place) == []
    with pytest.raises(ModelError):
        use_model(project, str(home))


def test_a_stored_path_is_no_active_model(project: Project, precious: Path, bright: ModelCard) -> None:
    shutil.copytree(bright.folder, precious / "bright")
    project.set_setting("active_model", str(precious / "bright"))
    assert project.active_model == ""


def test_what_is_no_slide_of_the_folder_is_not_proposed_and_the_others_are(
    project: Project, precious: Path, bright: ModelCard
) -> None:
    told: list[object] = []

    class Telling:
        def report(self, done: float, text: str) -> None: ...
        def cancelled(self) -> bool:
            return False

        def event(self, event: object) -> None:
            told.append(event)

    home = use_model(project, str(bright.folder))
    before = contents(precious.parent)
    planes = (("../other/a.png", 0), (str(precious / "a.png"), 0))
    done = Jobs().propose(ProposeJob(str(project.folder), str(project.place), home.id, planes), Telling())
    assert (done.proposed, done.failed) == (0, 2)
    assert all(isinstance(event, SlideFailed) and "is no name of a file below" in event.reason for event in told)
    assert contents(precious.parent).keys() == before.keys()


def test_a_proposal_is_found_under_plain_names_alone(project: Project, truths: dict[str, Mask]) -> None:
    with pytest.raises(PathError):
        proposal_file(project.place, "../..", PlaneId("a.png"))
    assert find_proposal(project.place, "../..", PlaneId("a.png")) is None
    under = find_under(project.folder, project.place, PlaneId("a.png"), ProposalId("..", "../x"), model="")
    assert under.proposal is None and under.problem
    assert proposed_planes(project.place, "../..") == frozenset()


def test_the_version_of_a_proposal_is_no_path(project: Project, truths: dict[str, Mask]) -> None:
    plane, file = PlaneId("a.png"), proposal_file(project.place, "m", PlaneId("a.png"))
    values = (truths["a.png"] * np.uint8(255))[..., None]
    write_proposal(file, (64, 64), 1, [(0, values)], stamp=slide_stamp(project.folder / "a.png"))
    assert find_proposal(project.place, "m", plane) is not None
    with sqlite3.connect(file) as store:
        store.execute("UPDATE proposal SET version = '../../../x'")
    store.close()
    assert find_proposal(project.place, "m", plane) is None


@LINKS
def test_removing_a_model_removes_nothing_behind_a_link(project: Project, precious: Path, bright: ModelCard) -> None:
    shutil.copytree(bright.folder, project.place / "models" / "bright")
    (precious / "bright").mkdir()
    (precious / "bright" / "thesis.txt").write_text("years of work")
    (project.place / "proposals").symlink_to(precious)
    remove_model(project, "bright")
    assert (precious / "bright" / "thesis.txt").exists()
