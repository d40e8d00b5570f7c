"""From the files of a data set to the batches that a network learns from, every slide keeps its own labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.pairs import find_pairs
from unet_studio.core.project.store import Project
from unet_studio.protocol.values import Event, SlideFailed
from unet_studio.unet.recipes import NO_AUGMENTATION, Recipe, Schedule
from unet_studio.unet.training import retraining
from unet_studio.unet.training.patches import LabelledSlide, PatchBatches

SLIDES = 12


class _FailingProgress:
    def report(self, done: float, text: str) -> None: ...

    def event(self, event: Event) -> None:
        assert not isinstance(event, SlideFailed), event.reason

    def cancelled(self) -> bool:
        return False


class _DrawnError(Exception):
    """Ends a retraining once its batches are drawn."""


@pytest.mark.parametrize("whole", [False, True])
def test_every_patch_has_the_labels_of_its_own_slide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, whole: bool
) -> None:
    """Slide n has 5 n bright columns, and its mask labels these; a published tutorial reads the first mask for all."""
    folder = tmp_path / "set"
    for kind in ("image", "label"):
        (folder / kind).mkdir(parents=True)
        for number in range(SLIDES):
            picture = np.zeros((64, 64), np.uint8)
            picture[:, : 5 * number] = 255
            cv2.imwrite(str(folder / kind / f"{number}.png"), picture)
    seen: set[int] = set()

    def draw_all(network: Any, slides: Sequence[LabelledSlide], *_: Any, **__: Any) -> None:
        schedule = Schedule(batch=5, patch=64, steps=12, epoch=whole, whole=whole)
        batches = PatchBatches(slides, replace(recipe, augmentation=NO_AUGMENTATION, schedule=schedule))
        for index in range(batches.steps):
            pixels, labels = batches.batch(0, index)
            is_labelled = labels != UNLABELLED  # not outside the slide, where pixels are mirrored
            np.testing.assert_array_equal(labels[is_labelled], (pixels[..., 0] > 0.5)[is_labelled])
            seen.update(np.count_nonzero(labels == 1, axis=(1, 2)).tolist())
        raise _DrawnError

    monkeypatch.setattr(retraining, "train", draw_all)
    with Project.open(folder, place=tmp_path / "project") as project:
        project.set_classes(make_classes("light"))
        assert not any(outcome.problem for outcome in import_pairs(project, find_pairs(folder)))
        with pytest.raises(_DrawnError):
            retraining.retrain(project, None, recipe, _FailingProgress(), channels=1)
    assert len(seen) == SLIDES if whole else len(seen) > SLIDES
