"""Corrections of one kind alone, on a few slides, don't make a model forget what it knew."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import to_mask
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.store import Project
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.protocol.values import NO_PROGRESS
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import default_recipe, load_recipe
from unet_studio.unet.training.retraining import retrain
from unet_studio.unet.weights import load_network
from unet_studio.unet.whole_slides import predictor_of

SHAPE = (160, 192)
STARTER = "nuclei-fluorescence"


def draw_nuclei(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[int, int]]:
    """A dark slide with grey discs and one bright speck of dirt: pixels, true classes, and where the dirt is (y, x)."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(SHAPE, np.uint8)
    for row in range(3):
        for column in range(4):
            centre = (24 + 48 * column + int(rng.integers(-6, 7)), 28 + 52 * row + int(rng.integers(-6, 7)))
            if (row, column) != (1, 1):
                cv2.circle(truth, centre, int(rng.integers(8, 13)), 1, thickness=-1)
    pixels = cv2.GaussianBlur((20 + 90 * truth).astype(np.float32), (0, 0), 1.0) + rng.normal(0, 4, SHAPE)
    dirt = (80, 72)
    cv2.circle(pixels, dirt[::-1], 7, 200.0, thickness=-1)
    return np.clip(pixels, 0, 255).astype(np.uint8), truth, dirt


def dice(predictor: Predictor, project: Project, slide: str, truth: NDArray[np.uint8]) -> float:
    card = find_model(STARTER, project.place)
    with open_slide(project.folder / slide) as reader:
        mask = to_mask(predictor.probabilities(card.normalisation.reading(reader, 0)(Box.of_shape(SHAPE))))
    return float(2 * np.sum((mask == 1) & (truth == 1)) / max(1, np.sum(mask == 1) + np.sum(truth == 1)))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["erase", "add"])
def test_what_nobody_objected_to_is_still_proposed(tmp_path: Path, kind: str) -> None:
    truths = {}
    for seed in range(5):
        pixels, truths[f"n{seed}.png"], _ = draw_nuclei(seed)
        cv2.imwrite(str(tmp_path / f"n{seed}.png"), pixels)
    with Project.open(tmp_path) as project:
        project.set_classes(make_classes("nucleus"))
        for number, (slide, truth) in enumerate(list(truths.items())[:4]):
            labels = np.full(SHAPE, UNLABELLED, np.uint8)
            if kind == "erase":
                y, x = draw_nuclei(number)[2]
                cv2.circle(labels, (x, y), 11, 0, thickness=-1)
            else:
                _, objects = cv2.connectedComponents(truth)
                labels[(objects == 3) | (objects == 5)] = 1
            states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
            before = np.full(SHAPE, UNLABELLED, np.uint8)
            edit = make_edit(PlaneId(slide), Box.of_shape(SHAPE), before, labels, kind, **states)
            assert edit is not None
            project.record(number + 1, edit, SHAPE)
        start = find_model(STARTER, project.place)
        known = predictor_of(start, load_network(start))
        first = [dice(known, project, slide, truth) for slide, truth in truths.items()]
        recipe = load_recipe(default_recipe(STARTER), ["schedule.rounds=6"])
        trained = find_model(retrain(project, start, recipe, NO_PROGRESS).model, project.place)
        learned = predictor_of(trained, load_network(trained))
        then = [dice(learned, project, slide, truth) for slide, truth in truths.items()]
    assert np.mean(first) > 0.8, "the starter model must know these slides for the test to mean anything"
    assert np.mean(then) > np.mean(first) - 0.02, (first, then)
