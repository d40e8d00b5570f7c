"""Exported files have the right names, the right values, and never lie among the slides."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.exporting import ExportRequest, Format, Values, Wanted, export, plan_export
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.pairs import pair_up
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError

Mask = NDArray[np.uint8]
SHAPE = (64, 64)


def propose(project: Project, plane: PlaneId, mask: Mask) -> None:
    """Store a proposal that is sure of `mask`."""
    project.set_setting("active_model", "sure")
    file = proposal_file(project.place, "sure", plane)
    strips = [(0, (mask * np.uint8(255))[..., None])]
    write_proposal(file, mask.shape, 1, strips, stamp=slide_stamp(project.folder / plane.slide))


def label(project: Project, plane: PlaneId, labels: Mask, state: PlaneState) -> None:
    """Give a plane all its labels in one edit."""
    before = np.full_like(labels, UNLABELLED)
    box = Box.of_shape(labels.shape)
    edit = make_edit(plane, box, before, labels, "labels", state_before=PlaneState.NEW, state_after=state)
    assert edit is not None
    project.record(project.next_edit_id(), edit, labels.shape)


def half(value: int, rest: int) -> Mask:
    """A plane whose upper half is `value`."""
    mask = np.full(SHAPE, rest, np.uint8)
    mask[: SHAPE[0] // 2] = value
    return mask


def add_stack(folder: Path, planes: int = 3) -> str:
    pixels = np.random.default_rng(0).integers(0, 4000, (planes, *SHAPE)).astype(np.uint16)
    tifffile.imwrite(folder / "stack.tif", pixels, photometric="minisblack")
    return "stack.tif"


def test_the_mask_is_labels_over_the_cleaned_up_proposal(
    project: Project, tmp_path: Path, paint: Callable[[str, Mask], None]
) -> None:
    proposed = half(1, 0)
    proposed[50, 50] = 1  # a speck that clean-up removes
    propose(project, PlaneId("a.png"), proposed)
    project.set_steps(parse_steps("remove-small:5"))
    labels = np.full(SHAPE, UNLABELLED, np.uint8)
    labels[:, :10] = 0
    labels[60:, 60:] = 1
    paint("a.png", labels)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", states=Wanted.CORRECTED))
    assert outcome.file == tmp_path / "out" / "a.png"
    expected = half(1, 0)
    expected[:, :10] = 0
    expected[60:, 60:] = 1
    assert np.array_equal(read_mask(outcome.file), expected)


def test_each_wish_includes_the_states_further_on(project: Project, tmp_path: Path) -> None:
    propose(project, PlaneId("a.png"), half(1, 0))
    label(project, PlaneId("b.png"), half(1, UNLABELLED), PlaneState.CORRECTED)
    label(project, PlaneId("sub/c.png"), half(1, 0), PlaneState.REVIEWED)

    def planned(states: Wanted) -> list[str]:
        return [file.slide for file in plan_export(project, ExportRequest(tmp_path, states=states))]

    assert planned(Wanted.ANY) == ["a.png", "b.png", "sub/c.png"]
    assert planned(Wanted.CORRECTED) == ["b.png", "sub/c.png"]
    assert planned(Wanted.REVIEWED) == ["sub/c.png"]


def test_where_nobody_said_anything_the_mask_is_unlabelled(project: Project, tmp_path: Path) -> None:
    label(project, PlaneId("b.png"), half(1, UNLABELLED), PlaneState.CORRECTED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", states=Wanted.CORRECTED))
    assert outcome.file
    assert np.array_equal(read_mask(outcome.file), half(1, UNLABELLED))


def test_binary_values(project: Project, tmp_path: Path) -> None:
    label(project, PlaneId("sub/c.png"), half(1, 0), PlaneState.REVIEWED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", Format.TIFF, Values.BINARY))
    assert outcome.file == tmp_path / "out" / "sub" / "c.tif"
    assert np.array_equal(read_mask(outcome.file), half(255, 0))


@pytest.mark.parametrize("form", [Format.PNG, Format.TIFF])
def test_instances_are_numbered_from_1_and_what_is_unlabelled_is_0(
    project: Project, tmp_path: Path, form: Format
) -> None:
    labels = np.full(SHAPE, UNLABELLED, np.uint8)
    labels[:10] = 0
    labels[2:5, 3:9] = labels[2:5, 20:30] = 1
    label(project, PlaneId("a.png"), labels, PlaneState.REVIEWED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", form, Values.INSTANCES))
    expected = np.zeros(SHAPE, int)
    expected[2:5, 3:9] = 1
    expected[2:5, 20:30] = 2
    assert outcome.file
    assert np.array_equal(read_mask(outcome.file), expected)


def test_a_watershed_makes_two_instances_of_objects_that_flow_together(project: Project, tmp_path: Path) -> None:
    probability = np.zeros(SHAPE, np.uint8)
    probability[20:40, 5:60] = 255
    probability[20:40, 30:33] = 140
    project.set_setting("active_model", "sure")
    file = proposal_file(project.place, "sure", PlaneId("a.png"))
    stamp = slide_stamp(project.folder / "a.png")
    write_proposal(file, SHAPE, 1, [(0, probability[..., None])], stamp=stamp)

    def exported(steps: str) -> NDArray[np.integer]:
        project.set_steps(parse_steps(steps))
        (outcome,) = export(project, ExportRequest(tmp_path / "out", values=Values.INSTANCES, states=Wanted.ANY))
        assert outcome.file
        return read_mask(outcome.file)

    assert exported("").max() == 1
    parted = exported("watershed:1:0.1")
    assert parted.max() == 2
    assert len(set(parted[30, [10, 50]].tolist())) == 2


def test_between_boundaries_the_instances_are_what_they_enclose(project: Project, tmp_path: Path) -> None:
    membrane = np.zeros(SHAPE, np.uint8)
    membrane[:, 30:33] = 1
    propose(project, PlaneId("a.png"), membrane)
    project.set_steps(parse_steps("watershed-boundary:1:0.1"))
    (outcome,) = export(project, ExportRequest(tmp_path / "out", values=Values.INSTANCES, states=Wanted.ANY))
    assert outcome.file
    numbers = read_mask(outcome.file)
    assert np.array_equal(numbers == 0, membrane == 1)
    assert set(np.unique(numbers[:, :30])) == {1}
    assert set(np.unique(numbers[:, 33:])) == {2}


def test_the_instances_of_a_stack_are_numbered_plane_by_plane(project: Project, tmp_path: Path) -> None:
    stack = add_stack(project.folder)
    for number in (0, 2):
        label(project, PlaneId(stack, number), half(1, 0), PlaneState.REVIEWED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", Format.TIFF, Values.INSTANCES))
    assert outcome.file
    assert np.array_equal(read_mask(outcome.file), np.stack([half(1, 0), half(0, 0), half(1, 0)]))


def test_an_overlay_shows_the_slide_under_the_colours(project: Project, tmp_path: Path) -> None:
    label(project, PlaneId("a.png"), half(1, 0), PlaneState.REVIEWED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", Format.OVERLAY))
    picture = cv2.imread(str(outcome.file))[..., ::-1]
    assert picture.shape == (*SHAPE, 3)
    assert np.ptp(picture[40:].astype(int), axis=2).max() == 0  # grey where there is only background
    assert tuple(picture[31, 5]) == project.classes()[1].colour  # the edge of the class is in its full colour


@pytest.mark.parametrize("states", Wanted)
def test_nothing_to_export_says_what_to_do(project: Project, tmp_path: Path, states: Wanted) -> None:
    with pytest.raises(StudioError, match="Propose masks first" if states is Wanted.ANY else "--state any"):
        export(project, ExportRequest(tmp_path / "out", states=states))


def test_files_never_come_to_lie_among_the_slides(project: Project) -> None:
    label(project, PlaneId("a.png"), half(1, 0), PlaneState.REVIEWED)
    for out in (project.folder, project.folder / "masks", project.folder / "sub" / ".." / "x"):
        with pytest.raises(StudioError, match="among the slides"):
            export(project, ExportRequest(out))
    before = (project.folder / "a.png").read_bytes()
    (outcome,) = export(project, ExportRequest(project.place / "export"))
    assert not outcome.problem
    assert (project.folder / "a.png").read_bytes() == before


def test_a_proposal_of_an_earlier_version_of_the_slide_is_not_used(project: Project, tmp_path: Path) -> None:
    propose(project, PlaneId("a.png"), half(1, 0))
    propose(project, PlaneId("b.png"), half(1, 0))
    cv2.imwrite(str(project.folder / "a.png"), np.zeros(SHAPE, np.uint8))
    stale, current = export(project, ExportRequest(tmp_path / "out", states=Wanted.ANY))
    assert stale.file is None
    assert "Propose it again" in stale.problem
    assert current.file


def test_a_slide_that_cant_be_read_doesnt_stop_the_others(project: Project, tmp_path: Path) -> None:
    for slide in ("a.png", "b.png", "sub/c.png"):
        label(project, PlaneId(slide), half(1, 0), PlaneState.REVIEWED)
    (project.folder / "a.png").write_bytes(b"no image")
    (project.folder / "sub" / "c.png").unlink()
    outcomes = {outcome.slide: outcome for outcome in export(project, ExportRequest(tmp_path / "out"))}
    assert outcomes["b.png"].file
    assert "can't be read" in outcomes["a.png"].problem
    assert "no longer there" in outcomes["sub/c.png"].problem


def test_one_may_stop_between_two_files(project: Project, tmp_path: Path) -> None:
    for slide in ("a.png", "b.png"):
        label(project, PlaneId(slide), half(1, 0), PlaneState.REVIEWED)
    next(export(project, ExportRequest(tmp_path / "out")))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.png"]


def test_a_stack_becomes_one_tiff_with_the_other_planes_unlabelled(project: Project, tmp_path: Path) -> None:
    stack = add_stack(project.folder)
    label(project, PlaneId(stack, 1), half(1, 0), PlaneState.REVIEWED)
    (outcome,) = export(project, ExportRequest(tmp_path / "out", Format.TIFF))
    assert outcome.file == tmp_path / "out" / "stack.tif"
    masks = read_mask(outcome.file)
    assert masks.shape == (3, *SHAPE)
    assert np.array_equal(masks[1], half(1, 0))
    assert (masks[[0, 2]] == UNLABELLED).all()


def test_a_stack_becomes_one_png_a_plane(project: Project, tmp_path: Path) -> None:
    stack = add_stack(project.folder)
    for number in (0, 2):
        label(project, PlaneId(stack, number), half(1, 0), PlaneState.REVIEWED)
    planned = plan_export(project, ExportRequest(tmp_path / "out"))
    files = [outcome.file for outcome in export(project, ExportRequest(tmp_path / "out"), planned)]
    assert files == [tmp_path / "out" / "stack_p0001.png", tmp_path / "out" / "stack_p0003.png"]
    assert len(planned) == len(files)


def test_a_stack_in_png_comes_back_as_it_was(project: Project, tmp_path: Path) -> None:
    stack = add_stack(project.folder)
    labels = {0: half(1, 0), 1: half(0, 1)}
    for number, values in labels.items():
        label(project, PlaneId(stack, number), values, PlaneState.REVIEWED)
    list(export(project, ExportRequest(tmp_path / "out")))
    with Project.open(project.folder, place=tmp_path / "again") as again:
        again.set_classes(project.classes())
        pairs = pair_up(project.folder, tmp_path / "out").pairs
        assert [outcome.problem for outcome in import_pairs(again, pairs)] == [""]
        for number, values in labels.items():
            found = again.read_labels(PlaneId(stack, number), Box.of_shape(SHAPE))
            np.testing.assert_array_equal(found, values)
        assert PlaneId(stack, 2) not in again.states()


def test_a_plane_that_the_slide_no_longer_has(project: Project, tmp_path: Path) -> None:
    stack = add_stack(project.folder)
    label(project, PlaneId(stack, 2), half(1, 0), PlaneState.REVIEWED)
    add_stack(project.folder, planes=2)
    (outcome,) = export(project, ExportRequest(tmp_path / "out"))
    assert "had a plane 3 and has 2 now" in outcome.problem


def test_an_exported_mask_is_found_as_the_mask_of_its_slide(project: Project, tmp_path: Path) -> None:
    cv2.imwrite(str(project.folder / "a.tif"), np.zeros(SHAPE, np.uint8))
    slides = ("a.png", "a.tif", "sub/c.png")
    for slide in slides:
        label(project, PlaneId(slide), half(1, 0), PlaneState.REVIEWED)
    outcomes = list(export(project, ExportRequest(tmp_path / "out")))
    found = {pair.slide: pair.mask for pair in pair_up(project.folder, tmp_path / "out").pairs}
    assert found == {outcome.slide: outcome.file for outcome in outcomes}


def test_a_file_that_appears_under_the_export_is_not_replaced(project: Project, tmp_path: Path) -> None:
    label(project, PlaneId("a.png"), half(1, 0), PlaneState.REVIEWED)
    request = ExportRequest(tmp_path / "out")
    outcomes = export(project, request)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_text("of my own")
    (outcome,) = outcomes
    assert "is there already" in outcome.problem
    assert (tmp_path / "out" / "a.png").read_text() == "of my own"
