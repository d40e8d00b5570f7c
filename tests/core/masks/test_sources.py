"""Mask sources: each says only what it is asked for, on any plane."""

from pathlib import Path

import numpy as np

from unet_studio.core.cleaning.steps import Step
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.masks.sources import MaskSource, SourceKind
from unet_studio.core.tiles import Box

SHAPE = (40, 50)
WHOLE = Box.of_shape(SHAPE)


def proposal(folder: Path, name: str, box: Box, value: int = 200) -> Proposal:
    probability = np.zeros((*SHAPE, 1), np.uint8)
    probability[box.slices] = value
    write_proposal(folder / name, SHAPE, 1, [(0, probability)], stamp="")
    return Proposal(folder / name, SHAPE, 1)


def where(box: Box) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[box.slices] = 1
    return mask


LABELLED, PROPOSED, BY_ANOTHER = Box(0, 0, 5, 5), Box(10, 10, 20, 20), Box(30, 30, 40, 40)


def mask_view(folder: Path, threshold: float = 0.5, steps: tuple[Step, ...] = ()) -> MaskView:
    labels = LabelPlane(SHAPE)
    labels.write(LABELLED, np.ones(LABELLED.shape, np.uint8))
    return MaskView(labels, proposal(folder, "a", PROPOSED), threshold, steps)


def test_the_mask_is_the_mask(tmp_path: Path) -> None:
    view = mask_view(tmp_path)
    assert MaskSource("mask", SourceKind.MASK).view(view, {}) == view


def test_labels_alone_leave_the_proposal_out_and_are_the_same_labels(tmp_path: Path) -> None:
    mask = mask_view(tmp_path)
    view = MaskSource("labels", SourceKind.LABELS).view(mask, {})
    assert np.array_equal(view.read(WHOLE), where(LABELLED))
    assert view.labels is mask.labels  # a stroke shows in both


def test_a_proposal_alone_is_of_its_model_and_leaves_labels_out(tmp_path: Path) -> None:
    mask = mask_view(tmp_path)
    proposals = {"a": mask.proposal, "b": proposal(tmp_path, "b", BY_ANOTHER)}
    views = [MaskSource(m, SourceKind.PROPOSAL, m).view(mask, proposals) for m in ("a", "b")]  # type: ignore[arg-type]
    assert np.array_equal(views[0].read(WHOLE), where(PROPOSED))
    assert np.array_equal(views[1].read(WHOLE), where(BY_ANOTHER))


def test_a_model_without_a_proposal_says_nothing(tmp_path: Path) -> None:
    view = MaskSource("c", SourceKind.PROPOSAL, "c").view(mask_view(tmp_path), {})
    assert not view.read(WHOLE).any()


def test_threshold_and_clean_up_hold_for_every_proposal(tmp_path: Path) -> None:
    proposals = {"b": proposal(tmp_path, "b", BY_ANOTHER, value=150)}
    source = MaskSource("b", SourceKind.PROPOSAL, "b")
    assert not source.view(mask_view(tmp_path, threshold=0.9), proposals).read(WHOLE).any()
    eroded = source.view(mask_view(tmp_path, steps=(Step("erode", 2),)), proposals).read(WHOLE)
    assert 0 < eroded.sum() < where(BY_ANOTHER).sum()
