"""Pictures of a model: what it says beside what is true, with the right score, and its curves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError, StudioError
from unet_studio.unet.pictures import compare_planes, draw_curves, write_pictures

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


@pytest.fixture
def labelled(project: Project, paint: Paint, truths: Truths) -> Project:
    """All slides are labelled, the upper half of each alone."""
    for slide, truth in truths.items():
        labels = truth.copy()
        labels[32:] = UNLABELLED
        paint(slide, labels)
    return project


@pytest.fixture
def model(bright: ModelCard, tmp_path: Path) -> ModelCard:
    """The bright model with a history of two rounds."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in bright.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    rows = "round,loss,hold_out_dice,seconds\n0,nan,0.1,1\n1,0.9,0.5,2\n2,0.4,0.8,3\n"
    (folder / "history.csv").write_text(rows, encoding="utf-8")
    return replace(bright, folder=folder)


def test_a_plane_is_compared_with_its_labels(labelled: Project, model: ModelCard, truths: Truths) -> None:
    planes = labelled.labelled_planes()
    compared = list(compare_planes(labelled, model, planes))
    for plane, one in zip(planes, compared, strict=True):
        truth = truths[plane.plane.slide]
        np.testing.assert_array_equal(one.row.prediction, truth)  # this network tells bright from dark exactly
        np.testing.assert_array_equal(one.row.truth[:32], truth[:32])
        assert (one.row.truth[32:] == UNLABELLED).all()
        assert one.counts.labelled == 32 * 64
        assert one.counts.pixel_accuracy == 1
        assert one.row.name == f"{plane.plane.slide}: pixel accuracy 1.000, Dice 1.000"
        assert one.row.picture.shape == (64, 64, 3)
        assert one.row.picture[truth == 1].min() > one.row.picture[truth == 0].max()


def test_a_part_is_as_a_model_of_whole_slides_sees_it_in_its_plane(labelled: Project, model: ModelCard) -> None:
    schedule = {**model.recipe["schedule"], "whole": True, "patch": 32}
    whole = replace(model, recipe={**model.recipe, "schedule": schedule})
    plane = labelled.labelled_planes()[0]
    (all_of_it,) = compare_planes(labelled, whole, [plane])
    (part,) = compare_planes(labelled, whole, [plane], side=40)
    np.testing.assert_array_equal(part.row.prediction, all_of_it.row.prediction[24:, 24:])
    assert part.row.prediction.any()


def test_wrong_labels_lower_the_score(project: Project, paint: Paint, model: ModelCard, truths: Truths) -> None:
    paint("a.png", 1 - truths["a.png"])
    (compared,) = compare_planes(project, model, project.labelled_planes())
    assert compared.counts.pixel_accuracy == 0


def test_of_a_large_plane_a_part_with_labels_is_shown(project: Project, paint: Paint, model: ModelCard) -> None:
    pixels = np.zeros((700, 900), np.uint8)
    pixels[600:650, 800:850] = 200
    cv2.imwrite(str(project.folder / "large.png"), pixels)
    labels = np.full(pixels.shape, UNLABELLED, np.uint8)
    labels[600:650, 800:850] = 1
    paint("large.png", labels)
    (compared,) = compare_planes(project, model, project.labelled_planes(), side=128)
    assert compared.row.picture.shape == (128, 128, 3)
    assert compared.counts.labelled == np.count_nonzero(compared.row.truth == 1) > 0
    (whole,) = compare_planes(project, model, project.labelled_planes())
    assert whole.row.picture.shape == (700, 900, 3)


def test_the_clean_up_of_the_recipe_counts(labelled: Project, model: ModelCard) -> None:
    dilating = replace(model, recipe={**model.recipe, "clean_up": "dilate:disk:3"})
    (plain, *_), (dilated, *_) = (
        list(compare_planes(labelled, card, labelled.labelled_planes())) for card in (model, dilating)
    )
    assert dilated.row.prediction.sum() > plain.row.prediction.sum()


def test_sheet_and_curves_are_written(labelled: Project, model: ModelCard, tmp_path: Path) -> None:
    labelled.add_hold_out(["b.png"])
    sheet, curves = (cv2.imread(str(file)) for file in write_pictures(labelled, model, tmp_path / "out"))
    assert sheet is not None
    assert curves is not None
    assert sheet.shape[0] == 24 + 24 + 264 + 24, "one row: the slide of the hold-out"
    assert curves.shape == (800, 640, 3)
    labelled.add_hold_out(["a.png", "sub/c.png"])
    taller, _ = (cv2.imread(str(file)) for file in write_pictures(labelled, model, tmp_path / "out"))
    assert taller is not None
    assert taller.shape[0] == 24 + 3 * (24 + 264) + 24


def test_the_curves_follow_the_history(model: ModelCard) -> None:
    before = draw_curves(model)
    (model.folder / "history.csv").write_text("round,loss,dice,seconds\n0,nan,0.8,1\n1,0.4,0.1,2\n")
    assert (draw_curves(model) != before).any()


def test_what_has_no_pictures_is_said(project: Project, paint: Paint, model: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="Nothing is labelled yet"):
        write_pictures(project, model, tmp_path / "out")
    paint("a.png", np.zeros((64, 64), np.uint8))
    (model.folder / "history.csv").write_text("round,loss\n1,many\n")
    with pytest.raises(ModelError, match="has no history that can be read"):
        write_pictures(project, model, tmp_path / "out")
    project.set_classes(make_classes("spot", "other"))
    with pytest.raises(ModelError, match="knows spot"):
        write_pictures(project, model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
