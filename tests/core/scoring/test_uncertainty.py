"""Uncertainty is high where classes are about equally likely; disagreement where the labels say something else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal, find_proposal, proposal_file
from unet_studio.core.scoring.uncertainty import PLACE, disagreement, mean_uncertainty, place_uncertainties, uncertainty

probabilities = arrays(np.uint8, (4, 5, 2), elements=st.integers(0, 127))


def proposal_of(place: Path, values: np.ndarray) -> Proposal:
    strips = ((y, values[y : y + 256]) for y in range(0, values.shape[0], 256))
    height, width, channels = values.shape
    write_proposal(proposal_file(place, "m", PlaneId("a.png")), (height, width), channels, strips, stamp="")
    proposal = find_proposal(place, "m", PlaneId("a.png"))
    assert proposal is not None
    return proposal


def test_a_coin_toss_is_uncertain_and_a_sure_pixel_is_not() -> None:
    values = uncertainty(np.array([[[0, 0], [255, 0], [127, 0], [127, 128], [85, 85]]], np.uint8))[0]
    assert values[:2].tolist() == [0, 0]
    assert values[2:] == pytest.approx(1, abs=0.01)


@given(probabilities)
def test_it_is_a_share_and_its_mean_is_that_of_the_pixels(values: np.ndarray) -> None:
    found = uncertainty(values)
    assert found.shape == values.shape[:2]
    assert (found >= 0).all() and (found <= 1.0001).all()
    assert mean_uncertainty(values) == pytest.approx(found.mean())


def test_disagreement_is_what_the_proposal_gives_to_other_classes() -> None:
    values = np.array([[[255, 0], [255, 0], [0, 51], [255, 0], [255, 0]]], np.uint8)
    labels = np.array([[1, 0, 0, 7, UNLABELLED]], np.uint8)
    assert disagreement(values, labels)[0].tolist() == pytest.approx([0, 1, 0.2, 1, 0])


@given(probabilities, arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 2, UNLABELLED])))
def test_disagreement_is_a_share_on_labelled_pixels(values: np.ndarray, labels: np.ndarray) -> None:
    found = disagreement(values, labels)
    assert (found[labels == UNLABELLED] == 0).all()
    assert (found >= 0).all() and (found <= 1).all()
    sure = np.zeros((4, 5, 2), np.uint8)
    for index in (1, 2):
        sure[..., index - 1][labels == index] = 255
    assert (disagreement(sure, labels) == 0).all(), "it says what the labels say"


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(0, 2**32 - 1))
def test_a_place_has_the_mean_of_its_pixels(shape: tuple[int, int], seed: int) -> None:
    import tempfile

    values = np.random.default_rng(seed).integers(0, 255, (*shape, 1), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name:
        found = place_uncertainties(proposal_of(Path(name), values))
    assert found.shape == tuple(-(-side // PLACE) for side in shape)
    pixels = uncertainty(values)
    for row, column in np.ndindex(*found.shape):
        part = pixels[row * PLACE : (row + 1) * PLACE, column * PLACE : (column + 1) * PLACE]
        assert found[row, column] == pytest.approx(part.mean(), rel=1e-3, abs=1e-4)


def test_of_a_large_plane_fewer_pixels_are_looked_at(tmp_path: Path) -> None:
    values = np.zeros((300, 4500, 1), np.uint8)
    values[:128, 256:384] = 128
    found = place_uncertainties(proposal_of(tmp_path, values))
    assert found.shape == (3, 36)
    assert found[0, 2] > 0.9
    assert found.sum() == pytest.approx(found[0, 2])
