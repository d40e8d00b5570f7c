"""Figures tell which proposals are doubtful, changed, or against the labels; each is worked out once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.usecases.steps import RecordingProgress, propose
from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import find_proposal, proposal_file
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import Order
from unet_studio.core.scoring.plane_figures import measure_change, measure_uncertainty
from unet_studio.errors import Cancelled
from unet_studio.usecases.reviewing.next_plane import next_plane_in_order, next_plane_to_label
from unet_studio.usecases.reviewing.plane_figures import earlier_models, measure_planes

Mask = NDArray[np.uint8]
SIDE = 64


def give(project: Project, model: str, slide: str, probability: NDArray[np.integer] | int) -> None:
    """Store a proposal of a model, as the worker does."""
    propose(project, slide, np.broadcast_to(np.asarray(probability, np.uint8), (SIDE, SIDE)), model=model)


def add_model(place: Path, name: str, parent: str) -> None:
    folder = place / "models" / name
    folder.mkdir(parents=True)
    ModelCard(name, name, make_classes("spot"), Normalisation(1), {}, folder, parent=parent, created=name).write()


@pytest.fixture
def retrained(project: Project) -> Project:
    """A project with two models, the second retrained from the first and active."""
    add_model(project.place, "m1", "nuclei-fluorescence")
    add_model(project.place, "m2", "m1")
    project.set_setting("active_model", "m2")
    return project


def half(value: int) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = value
    return mask


def test_uncertainty_is_that_of_the_proposal(retrained: Project) -> None:
    give(retrained, "m2", "a.png", 0)
    give(retrained, "m2", "b.png", 128)
    figures = measure_planes(retrained)
    assert set(figures) == {PlaneId("a.png"), PlaneId("b.png")}
    assert figures[PlaneId("a.png")].uncertainty == 0
    assert figures[PlaneId("b.png")].uncertainty == pytest.approx(1, abs=0.01)


def test_change_is_the_share_of_pixels_of_another_class_than_by_the_model_before(retrained: Project) -> None:
    give(retrained, "m1", "a.png", 0)
    give(retrained, "m2", "a.png", half(255))
    give(retrained, "m1", "b.png", half(200))
    give(retrained, "m2", "b.png", half(255))
    give(retrained, "m2", "sub/c.png", 255)
    figures = measure_planes(retrained)
    assert figures[PlaneId("a.png")].change == 0.5
    assert figures[PlaneId("b.png")].change == 0
    assert figures[PlaneId("sub/c.png")].change is None


def test_it_is_compared_with_the_nearest_model_before_that_proposed_it(retrained: Project) -> None:
    assert earlier_models(retrained.place, "m2") == ("m1", "nuclei-fluorescence")
    give(retrained, "nuclei-fluorescence", "a.png", 255)
    give(retrained, "m2", "a.png", half(255))
    assert measure_planes(retrained)[PlaneId("a.png")].change == 0.5


def test_models_that_say_they_come_of_each_other_are_no_endless_way(project: Project) -> None:
    add_model(project.place, "m1", "m2")
    add_model(project.place, "m2", "m1")
    assert earlier_models(project.place, "m2") == ("m1",)


def test_agreement_is_the_dice_on_labelled_pixels(retrained: Project, paint: Callable[[str, Mask], None]) -> None:
    give(retrained, "m2", "a.png", half(255))
    give(retrained, "m2", "b.png", 0)
    give(retrained, "m2", "sub/c.png", 255)
    labels = np.full((SIDE, SIDE), UNLABELLED, np.uint8)
    labels[:8] = 1  # half of it is proposed so
    paint("a.png", labels)
    labels[:8] = 0
    paint("b.png", labels)
    figures = measure_planes(retrained)
    assert figures[PlaneId("a.png")].agreement == pytest.approx(2 / 3)
    assert figures[PlaneId("b.png")].agreement == 1, "both say background"
    assert figures[PlaneId("sub/c.png")].agreement is None


def test_the_threshold_decides_change_and_agreement(retrained: Project, paint: Callable[[str, Mask], None]) -> None:
    give(retrained, "m1", "a.png", 100)
    give(retrained, "m2", "a.png", 200)
    paint("a.png", np.ones((SIDE, SIDE), np.uint8))
    assert measure_planes(retrained)[PlaneId("a.png")].change == 1
    retrained.set_setting("threshold", "0.9")
    figures = measure_planes(retrained)[PlaneId("a.png")]
    assert (figures.change, figures.agreement) == (0, 0)


def test_a_proposal_is_looked_at_once(retrained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    give(retrained, "m1", "a.png", 0)
    give(retrained, "m2", "a.png", 128)
    first = measure_planes(retrained)
    with monkeypatch.context() as patched:
        module = "unet_studio.usecases.reviewing.plane_figures"
        patched.setattr(f"{module}.measure_uncertainty", lambda _: pytest.fail("it was read again"))
        patched.setattr(f"{module}.measure_change", lambda *_: pytest.fail("compared again"))
        assert measure_planes(retrained) == first
    give(retrained, "m2", "a.png", 0)
    assert measure_planes(retrained)[PlaneId("a.png")].uncertainty == 0
    (retrained.place / "figures.json").write_text("{]")
    assert measure_planes(retrained)[PlaneId("a.png")].uncertainty == 0


def test_a_damaged_proposal_is_passed_over(retrained: Project) -> None:
    give(retrained, "m2", "a.png", 128)
    give(retrained, "m2", "b.png", 128)
    proposal_file(retrained.place, "m2", PlaneId("a.png")).write_bytes(b"no proposal")
    assert set(measure_planes(retrained)) == {PlaneId("b.png")}


def test_only_some_slides_may_be_asked_for_and_it_can_be_stopped(retrained: Project) -> None:
    give(retrained, "m2", "a.png", 128)
    give(retrained, "m2", "b.png", 128)
    assert set(measure_planes(retrained, slides={"b.png"})) == {PlaneId("b.png")}
    with pytest.raises(Cancelled):
        measure_planes(retrained, progress=RecordingProgress(stop_after=0))


def test_a_large_proposal_is_looked_at_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "p.tiles"
    strips = ((y, np.full((256, 4096, 1), 128 if y < 2048 else 0, np.uint8)) for y in range(0, 4096, 256))
    write_proposal(file, (4096, 4096), 1, strips, stamp="")
    place = tmp_path / "proposals" / "m" / "a.png"
    place.mkdir(parents=True)
    file.rename(place / "00000.tiles")
    proposal = find_proposal(tmp_path, "m", PlaneId("a.png"))
    assert proposal is not None
    assert measure_uncertainty(proposal) == pytest.approx(0.5, abs=0.05)
    assert measure_change(proposal, proposal, 0.5) == 0


# The orders


def taken_up(project: Project, order: Order, slides: list[str], seed: int = 0) -> list[str]:
    """The slides in the order in which they come up, each done before the next is asked for."""
    done: list[PlaneId] = []
    while (plane := next_plane_in_order(project, slides, order=order, done=done, seed=seed)) is not None:
        assert plane not in done
        done.append(plane)
    return [plane.slide for plane in done]


def test_what_changed_most_comes_first_and_what_was_not_compared_last(retrained: Project) -> None:
    for slide, now in {"b.png": half(255), "sub/c.png": 255}.items():
        give(retrained, "m1", slide, 0)
        give(retrained, "m2", slide, now)
    assert taken_up(retrained, Order.CHANGED, ["a.png", "b.png", "sub/c.png"]) == ["sub/c.png", "b.png", "a.png"]


def test_the_folder_is_followed(retrained: Project) -> None:
    (retrained.folder / "b.png").write_bytes(b"no picture")
    assert taken_up(retrained, Order.FOLDER, ["sub/c.png", "b.png", "a.png"]) == ["sub/c.png", "a.png"]


def test_a_random_order_is_the_seeds_and_takes_every_slide(retrained: Project) -> None:
    slides = ["a.png", "b.png", "sub/c.png"]
    orders = {tuple(taken_up(retrained, Order.RANDOM, slides, seed)) for seed in range(40)}
    assert len(orders) == 6
    assert taken_up(retrained, Order.RANDOM, slides, 7) == taken_up(retrained, Order.RANDOM, slides[::-1], 7)


def test_an_audit_slide_teaches_nothing_so_it_comes_last(retrained: Project) -> None:
    slides = ["a.png", "b.png", "sub/c.png"]
    first = next_plane_to_label(retrained, slides, done=())
    assert first is not None
    retrained.set_audit([first.slide])
    order = taken_up(retrained, Order.TEACHES_MOST, slides)
    assert order[-1] == first.slide
    assert sorted(order) == slides
