"""A CRF in a clean-up looks at the slide, and comes out the same in any view and any file type."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from unet_studio.core.cleaning.dense_crf import dense_crf
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.mask_view import MaskView, shrunken_steps
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import find_proposal, proposal_file, slide_stamp, to_mask
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.project.store import Project
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import SlideError

SHAPE = (560, 530)
"""Larger than what the CRF is applied to at once."""
WHOLE = Box.of_shape(SHAPE)
STEPS = parse_steps("crf:6:8:0.2")
STACK = PlaneId("stack.tif", 1)

See = Callable[..., MaskView]


def discs() -> NDArray[np.bool_]:
    centres = np.zeros(SHAPE, np.uint8)
    centres[20::40, 20::40] = 1
    return ndimage.distance_transform_edt(1 - centres) < 14


def pixels_of(truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 8, truth.shape)
    return np.clip(60 + 120 * truth + noise, 0, 255).astype(np.uint8)


def blurred(truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The probability of a model that is unsure of outlines and takes some noise for objects."""
    rng = np.random.default_rng(1)
    noise = 8 * ndimage.gaussian_filter(rng.normal(size=truth.shape), 2)
    odds = np.exp(ndimage.gaussian_filter(4.0 * truth - 2, 4) + 1.5 * noise)
    return np.asarray(255 * odds / (1 + odds), np.uint8)[..., None]


def dice(mask: NDArray[np.uint8], truth: NDArray[np.bool_]) -> float:
    return 2 * np.count_nonzero(truth & (mask > 0)) / (np.count_nonzero(truth) + np.count_nonzero(mask))


@pytest.fixture
def see(tmp_path: Path) -> See:
    """How the mask of the second plane of a stack of `pixels` is seen, whose first plane is empty."""

    def make(pixels: NDArray[np.generic], steps: str = "crf:6:8:0.2") -> MaskView:
        file = tmp_path / STACK.slide
        tifffile.imwrite(file, np.stack((np.zeros_like(pixels), pixels)), photometric="minisblack")
        probabilities = blurred(discs())[: pixels.shape[0], : pixels.shape[1]]
        place = tmp_path / "unet-studio"
        stored = proposal_file(place, "model", STACK)
        write_proposal(stored, pixels.shape[:2], 1, [(0, probabilities)], stamp=slide_stamp(file))
        slide = SlidePlane(file, STACK.plane)
        found = find_proposal(place, "model", STACK)
        return MaskView(LabelPlane(pixels.shape[:2]), found, steps=parse_steps(steps), slide=slide)

    return make


def test_a_crf_gives_the_mask_the_outlines_of_the_slide(see: See) -> None:
    truth = discs()
    mask = see(pixels_of(truth)).cleaned(WHOLE)
    assert dice(to_mask(blurred(truth)), truth) < 0.9
    assert dice(mask, truth) > 0.97


def test_blocks_leave_no_seams(see: See) -> None:
    pixels = pixels_of(discs())
    found = see(pixels, "crf:6:7:0.2").probabilities(WHOLE).astype(int)
    low, high = np.percentile(pixels, (1, 99.8))
    shares = (pixels[..., None] - low) / (high - low)
    expected = dense_crf(blurred(discs()), shares, sigma_space=7, sigma_colour=0.2, weight=6)
    difference = np.abs(found - expected)
    assert difference.mean() < 0.01
    assert np.mean((found > 127) != (expected > 127)) < 1e-4


@pytest.mark.parametrize("box", [Box(0, 0, 30, 40), Box(500, 490, 530, 525), Box(505, 0, 515, 530)])
def test_a_box_comes_out_as_on_the_whole_plane(see: See, box: Box) -> None:
    view = see(pixels_of(discs()), "crf:6:8:0.2,open:2")
    np.testing.assert_array_equal(view.cleaned(box), view.cleaned(WHOLE)[box.slices])
    np.testing.assert_array_equal(view.probabilities(box), view.probabilities(WHOLE)[box.slices])


def test_it_comes_before_steps_that_stand_before_it(see: See) -> None:
    pixels = pixels_of(discs())[:90, :90]
    box = Box(0, 0, 90, 90)
    first, last = see(pixels, "crf:6:8:0.2,remove-small:40"), see(pixels, "remove-small:40,crf:6:8:0.2")
    np.testing.assert_array_equal(last.cleaned(box), first.cleaned(box))


def test_two_of_them_follow_each_other(see: See) -> None:
    pixels = pixels_of(discs())[:90, :90]
    box = Box(0, 0, 90, 90)
    once, twice = see(pixels).probabilities(box), see(pixels, "crf:6:8:0.2,crf:6:8:0.2").probabilities(box)
    assert (once != twice).any()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_only_the_contrast_of_a_slide_counts(see: See, dtype: type[np.generic]) -> None:
    pixels = pixels_of(discs())[:90, :90]
    box = Box(0, 0, 90, 90)
    expected = see(pixels).cleaned(box)
    scaled = (200 * pixels.astype(np.float64) + 1000).astype(dtype)
    np.testing.assert_array_equal(see(scaled).cleaned(box), expected)


def test_pixels_without_a_value_are_like_no_other(see: See) -> None:
    pixels = pixels_of(discs()).astype(np.float32)[:90, :90]
    pixels[20:70, 20:70] = np.nan
    box = Box(0, 0, 90, 90)
    view = see(pixels)
    with_values = np.isfinite(pixels)
    truth, proposed = discs()[:90, :90] & with_values, blurred(discs())[:90, :90]
    assert dice(view.cleaned(box) * with_values, truth) > dice(to_mask(proposed) * with_values, truth) + 0.1
    only_smoothed = dense_crf(proposed, pixels[..., None], sigma_space=8, sigma_colour=1, weight=0)
    middle = slice(41, 49), slice(41, 49)  # too far from the edge for anything to be passed on in five iterations
    np.testing.assert_array_equal(view.probabilities(box)[middle], only_smoothed[middle])


def test_a_plane_of_one_colour_is_refined_too(see: See) -> None:
    assert see(np.full((40, 50), 7, np.uint8)).cleaned(Box(0, 0, 40, 50)).shape == (40, 50)


def test_from_afar_it_looks_as_from_near(see: See) -> None:
    view = see(pixels_of(discs()))
    afar = view.cleaned(Box(0, 0, 280, 265), shrink=2)
    assert np.mean(afar == view.cleaned(WHOLE)[::2, ::2]) > 0.97


def test_from_too_far_away_the_proposal_is_shown_as_it_is(see: See) -> None:
    found = see(pixels_of(discs())).probabilities(Box(0, 0, 35, 34), shrink=16)
    np.testing.assert_array_equal(found, blurred(discs())[::16, ::16])


def test_each_channel_of_a_slide_that_is_not_in_colour_has_its_own_contrast(see: See, tmp_path: Path) -> None:
    faint = pixels_of(discs())[:90, :90]
    alone = see(faint)
    file = tmp_path / "two.tif"
    channels = np.stack((faint, np.full_like(faint, 30000, np.uint16)))
    tifffile.imwrite(file, channels, imagej=True, metadata={"axes": "CYX"})
    beside_a_bright_one = replace(alone, slide=SlidePlane(file))
    box = Box(0, 0, 90, 90)
    assert np.mean(beside_a_bright_one.cleaned(box) == alone.cleaned(box)) > 0.99


def test_it_shrinks_with_the_plane_until_too_small_to_see() -> None:
    assert shrunken_steps(parse_steps("crf:3:8:0.1"), 4) == parse_steps("crf:3:2:0.1")
    assert shrunken_steps(parse_steps("crf:3:8:0.1"), 16) == ()


def test_the_contrast_is_measured_once_for_each_version_of_the_slide(
    see: See, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = see(pixels_of(discs())[:90, :90])
    measured = []
    measure = Normalisation.measure

    def count(self: Normalisation, reader: SlideReader, plane: int) -> Range:
        measured.append(plane)
        return measure(self, reader, plane)

    monkeypatch.setattr(Normalisation, "measure", count)
    for _ in range(3):
        view.probabilities(Box(0, 0, 90, 90))
    assert measured == [STACK.plane]
    other = np.stack((np.zeros((90, 90), np.uint8), 255 - pixels_of(discs())[:90, :90]))
    tifffile.imwrite(tmp_path / STACK.slide, other, photometric="minisblack", software="another version")
    view.probabilities(Box(0, 0, 90, 90))
    assert measured == [STACK.plane] * 2


def test_a_slide_that_went_away_is_named(see: See, tmp_path: Path) -> None:
    view = see(pixels_of(discs())[:40, :40])
    (tmp_path / STACK.slide).unlink()
    with pytest.raises(SlideError, match=r"stack\.tif"):
        view.cleaned(Box(0, 0, 40, 40))


def test_the_window_and_every_command_see_the_same_mask(see: See, tmp_path: Path) -> None:
    Project.open(tmp_path).close()  # what lies there before is of a project whose store is gone
    alone = see(pixels_of(discs())[:40, :40])
    with Project.open(tmp_path) as project:
        project.set_setting("active_model", "model")
        project.set_steps(STEPS)
        of_commands = view_plane(project, STACK, (40, 40))
    with closing(Workspace.open(tmp_path)) as workspace:
        of_window = workspace.mask(STACK, LabelPlane((40, 40)))
    for view in (of_commands, of_window):
        assert view.slide == alone.slide
        np.testing.assert_array_equal(view.probabilities(Box(0, 0, 40, 40)), alone.probabilities(Box(0, 0, 40, 40)))
