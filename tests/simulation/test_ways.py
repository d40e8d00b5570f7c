"""Each way of working labels what it says, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED, make_classes
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import Order
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError
from unet_studio.protocol.values import NO_PROGRESS
from unet_studio.simulation.annotator import Annotator
from unet_studio.simulation.false_objects import count_false_objects
from unet_studio.simulation.loop import simulate
from unet_studio.simulation.runs import Setup, Way
from unet_studio.simulation.strokes import worst_regions
from unet_studio.usecases.engine import Engine

Mask = NDArray[np.uint8]
SHAPE = (96, 128)
MODEL = "nuclei-fluorescence"


def truth_of(number: int) -> Mask:
    """Four discs; on the last slide nothing."""
    truth = np.zeros(SHAPE, np.uint8)
    for x in (16, 48, 80, 112) if number < 5 else ():
        cv2.circle(truth, (x, 24), 9, 1, thickness=-1)
    return truth


def proposal_of(number: int) -> Mask:
    """A disc is missing, one is half there, and four false ones of different sizes are too much."""
    mask = truth_of(number)
    mask[:, :32] = 0
    mask[:24, 32:64] = 0
    for x, radius in ((16, 3), (48, 5), (80, 7), (112, 9)):
        cv2.circle(mask, (x, 72), radius, 1, thickness=-1)
    return mask


@pytest.fixture
def work(tmp_path: Path) -> Callable[..., tuple[Annotator, dict[str, Mask], dict[PlaneId, PlaneState]]]:
    """Work on so many planes in a way: the annotator, the labels by slide, and the planes' states."""
    folder, place = tmp_path / "slides", tmp_path / "project"
    folder.mkdir()
    truths = {PlaneId(f"{number}.png"): truth_of(number) for number in range(6)}
    with Project.open(folder, place=place) as project:
        project.set_classes(make_classes("nucleus"))
        project.set_setting("active_model", MODEL)
    for number, plane in enumerate(truths):
        cv2.imwrite(str(folder / plane.slide), 40 + 100 * truth_of(number))
        values = [(0, 255 * proposal_of(number)[..., None])]
        write_proposal(proposal_file(place, MODEL, plane), SHAPE, 1, values, stamp=slide_stamp(folder / plane.slide))

    def run(way: Way, planes: int) -> tuple[Annotator, dict[str, Mask], dict[PlaneId, PlaneState]]:
        setup = Setup(folder, folder, way=way, start=MODEL, order=Order.FOLDER)
        annotator = Annotator(setup, place, truths)
        for _ in range(planes):
            plane = annotator.next_plane()
            assert plane is not None
            annotator.work_on(plane, 1000.0)
        with Project.open(folder, place=place) as project:
            labels = {
                one.plane.slide: project.labels(one.plane, one.shape).read(Box.of_shape(one.shape))
                for one in project.labelled_planes()
            }
            return annotator, labels, project.states()

    return run


def test_erase_only_paints_nothing_but_background_where_too_much_was_proposed(work: Callable[..., tuple]) -> None:
    annotator, labels, states = work(Way.ERASE_ONLY, 1)
    painted = labels["0.png"]
    assert set(np.unique(painted)) == {BACKGROUND, UNLABELLED}
    too_much = (proposal_of(0) == 1) & (truth_of(0) == 0)
    assert (painted[too_much] == BACKGROUND).mean() > 0.8
    assert states == {PlaneId("0.png"): PlaneState.CORRECTED}
    corrected = annotator.corrected[PlaneId("0.png")]
    np.testing.assert_array_equal(corrected, (painted == BACKGROUND) & too_much)


def test_add_only_paints_nothing_but_what_is_missing(work: Callable[..., tuple]) -> None:
    _, labels, _ = work(Way.ADD_ONLY, 1)
    painted = labels["0.png"]
    assert set(np.unique(painted)) == {1, UNLABELLED}
    missing = (proposal_of(0) == 0) & (truth_of(0) == 1)
    assert (painted[missing] == 1).mean() > 0.8 and not (painted[truth_of(0) == 0] == 1).any()


def test_worst_three_leaves_what_is_smaller(work: Callable[..., tuple]) -> None:
    _, labels, states = work(Way.WORST_THREE, 1)
    wrong = proposal_of(0) != truth_of(0)
    corrected = wrong & (labels["0.png"] == truth_of(0))
    numbers, regions = cv2.connectedComponents(wrong.astype(np.uint8))
    sizes = [int((regions == number).sum()) for number in range(1, numbers)]
    touched = [int((regions == number).sum()) for number in range(1, numbers) if corrected[regions == number].any()]
    assert sorted(touched) == sorted(sizes)[-3:]
    assert states[PlaneId("0.png")] is PlaneState.CORRECTED


def test_who_reviews_most_corrects_the_first_of_five_and_leaves_the_others(work: Callable[..., tuple]) -> None:
    annotator, labels, states = work(Way.REVIEWS_MOST, 5)
    assert set(states.values()) == {PlaneState.REVIEWED} and len(states) == 5
    assert (labels["0.png"] == truth_of(0)).mean() > 0.98
    for number in range(1, 5):
        np.testing.assert_array_equal(labels[f"{number}.png"], proposal_of(number))
    assert {plane.slide for plane, where in annotator.corrected.items() if where.any()} == {"0.png"}
    assert annotator.edits == annotator.strokes + 5


def test_empties_are_reviewed_as_empty_and_nothing_else_is(work: Callable[..., tuple]) -> None:
    annotator, labels, states = work(Way.EMPTIES, 1)
    assert states == {PlaneId("5.png"): PlaneState.REVIEWED}
    assert (labels["5.png"] == BACKGROUND).all()
    assert annotator.next_plane() is None
    np.testing.assert_array_equal(annotator.corrected[PlaneId("5.png")], proposal_of(5) == 1)


def test_without_an_empty_slide_or_a_model_it_is_said(tmp_path: Path) -> None:
    setup = Setup(tmp_path, tmp_path, way=Way.EMPTIES, start=MODEL)
    with pytest.raises(MaskError, match="nothing but background"):
        Annotator(setup, tmp_path, {PlaneId("0.png"): truth_of(0)})

    class NoEngine(Engine):
        pass

    with pytest.raises(MaskError, match="Name a model"):
        simulate(Setup(tmp_path, tmp_path, way=Way.EMPTIES), NoEngine(), NO_PROGRESS)


def test_the_worst_regions_are_the_largest_of_either_kind() -> None:
    where = worst_regions(proposal_of(0), truth_of(0), 2, smallest=15, thinnest=3)
    number, _ = cv2.connectedComponents(where.astype(np.uint8))
    assert number - 1 == 2
    assert where[72, 112] and where[24, 16], "the largest false disc and the missing one"


def test_an_object_is_false_where_most_of_it_is_not_so() -> None:
    truth = truth_of(0)
    assert count_false_objects(truth, truth) == 0
    assert count_false_objects(truth, proposal_of(0)) == 4
    speck = truth.copy()
    speck[60:63, 60:63] = 1
    assert count_false_objects(truth, speck) == 0, "nobody would correct so little"
    unknown = np.full_like(truth, UNLABELLED)
    assert count_false_objects(unknown, proposal_of(0)) == 0
    other_class = np.where(truth == 1, np.uint8(2), truth)
    assert count_false_objects(truth, other_class) == 4
