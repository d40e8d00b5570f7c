"""What the model at the start says is taught where nobody objected, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.tiles import Box, Cell
from unet_studio.unet.recipes import Loss
from unet_studio.unet.training.losses import make_loss
from unet_studio.unet.training.teacher import TaughtPlane

SHAPE = (120, 160)
WHOLE = Box.of_shape(SHAPE)


@pytest.fixture
def two_objects() -> TaughtPlane:
    """A plane on which the teacher sees a small object at the left and a large one at the right."""
    said = np.zeros((*SHAPE, 1), np.uint8)
    said[20:40, 20:40] = 255
    said[60:110, 90:150] = 255
    return TaughtPlane(SHAPE, 2, lambda cell: tile_of(said, cell))


def tile_of(values: NDArray[np.uint8], cell: Cell) -> NDArray[np.uint8]:
    return values[cell[0] * 512 : (cell[0] + 1) * 512, cell[1] * 512 : (cell[1] + 1) * 512]


def unlabelled() -> NDArray[np.uint8]:
    return np.full(SHAPE, UNLABELLED, np.uint8)


def test_where_nobody_said_anything_all_of_the_plane_is_taught(two_objects: TaughtPlane) -> None:
    around = WHOLE.grow(10)
    probabilities, taught = two_objects.targets(around, np.full(around.shape, UNLABELLED, np.uint8))
    inside = WHOLE.within(around)
    assert (taught[inside] == 255).all()
    assert np.count_nonzero(taught) == SHAPE[0] * SHAPE[1], "beyond the plane there is nothing to teach"
    assert probabilities[inside][30, 30, 0] == 255 and probabilities[inside][0, 0, 0] == 0


def test_what_is_labelled_as_the_teacher_says_changes_nothing_else(two_objects: TaughtPlane) -> None:
    labels = unlabelled()
    labels[25:30, 25:30] = 1
    labels[0:5, 0:5] = 0
    _, taught = two_objects.targets(WHOLE, labels)
    np.testing.assert_array_equal(taught > 0, labels == UNLABELLED)


def test_an_object_of_which_a_part_was_erased_is_not_taught_and_the_other_is(two_objects: TaughtPlane) -> None:
    labels = unlabelled()
    labels[70:75, 100:105] = 0
    _, taught = two_objects.targets(WHOLE, labels)
    assert not taught[60:110, 90:150].any()
    assert (taught[20:40, 20:40] == 255).all()
    assert taught[0, 0] == 255, "far from it the background is taught"


def test_near_an_object_that_was_added_nothing_is_taught(two_objects: TaughtPlane) -> None:
    labels = unlabelled()
    labels[90:94, 20:24] = 1
    _, taught = two_objects.targets(WHOLE, labels)
    assert not taught[80:104, 20:24].any() and taught[60, 20] == 255
    assert (taught[20:40, 20:40] == 255).all()


@settings(max_examples=50, deadline=None)
@given(
    y=st.integers(0, SHAPE[0] - 1), x=st.integers(0, SHAPE[1] - 1), value=st.sampled_from([0, 1]),
    size=st.integers(1, 30),
)  # fmt: skip
def test_no_labelled_pixel_is_ever_taught(y: int, x: int, value: int, size: int) -> None:
    said = np.zeros((*SHAPE, 1), np.uint8)
    said[20:40, 20:40] = 255
    labels = unlabelled()
    labels[y : y + size, x : x + size] = value
    _, taught = TaughtPlane(SHAPE, 2, lambda cell: tile_of(said, cell)).targets(WHOLE, labels)
    assert not taught[labels != UNLABELLED].any()


def test_half_of_what_is_drawn_is_of_objects(two_objects: TaughtPlane) -> None:
    rng = np.random.default_rng(0)
    drawn = [two_objects.draw(rng) for _ in range(400)]
    assert all(0 <= y < SHAPE[0] and 0 <= x < SHAPE[1] for y, x in drawn)
    on_objects = np.mean([two_objects.read(Box(y, x, y + 1, x + 1))[0, 0, 0] == 255 for y, x in drawn])
    assert on_objects > 0.5


def test_of_a_huge_plane_the_teacher_works_out_but_a_few_tiles() -> None:
    asked: set[Cell] = set()

    def tile(cell: Cell) -> NDArray[np.uint8]:
        asked.add(cell)
        return np.zeros((512, 512, 1), np.uint8)

    plane = TaughtPlane((100_000, 80_000), 2, tile)
    rng = np.random.default_rng(0)
    drawn = {(y // 512, x // 512) for y, x in (plane.draw(rng) for _ in range(300))}
    assert len(asked) <= 8 and len(drawn) == 8


# The loss


def value_of(labels: NDArray[np.float32], logits: NDArray[np.float32], *, dice: float = 1.0) -> float:
    loss = make_loss(Loss(teacher=1.0, dice=dice), 2)
    return float(loss(ops.convert_to_tensor(labels[None]), ops.convert_to_tensor(logits[None])))


def taught_labels(foreground: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nothing labelled, everything taught."""
    ones = np.ones_like(foreground)
    return np.stack([UNLABELLED * ones, 0 * ones, ones, foreground], axis=-1).astype(np.float32)


def test_the_cross_entropy_is_least_where_the_network_says_what_the_teacher_says() -> None:
    foreground = np.full((8, 8), 0.2, np.float32)
    foreground[2:4, 2:4] = 0.9

    def logits(p: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([np.log(1 - p), np.log(p)], axis=-1).astype(np.float32)

    labels = taught_labels(foreground)
    same = value_of(labels, logits(foreground), dice=0.0)
    assert same < value_of(labels, logits(foreground * 0.8), dice=0.0)
    assert same < value_of(labels, logits(np.minimum(foreground * 1.1, 0.99)), dice=0.0)


def test_a_rare_class_of_the_teacher_is_not_forgotten_for_the_background() -> None:
    sure = np.zeros((100, 100), np.float32)
    sure[0, :10] = 1.0
    labels = taught_labels(sure)
    background = np.stack([np.full(sure.shape, 5.0), np.full(sure.shape, -5.0)], axis=-1).astype(np.float32)
    right = np.where(sure[..., None] > 0, -background, background)
    assert value_of(labels, background) - value_of(labels, right) > 0.9, "the soft Dice holds one pixel in a thousand"


def test_labels_weigh_as_before_beside_a_teacher() -> None:
    labels = np.zeros((4, 4, 4), np.float32)
    labels[..., 0] = 1
    logits = np.zeros((4, 4, 2), np.float32)
    alone = make_loss(Loss(), 2)(labels[None, ..., 0], logits[None])
    assert value_of(labels, logits) == pytest.approx(float(alone))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_labelled_pixel_counts_as_much_as_one_that_the_teacher_speaks_for(share: float) -> None:
    labelled = np.zeros((10, 10), bool)
    labelled[: round(10 * share)] = True
    labels = taught_labels(np.zeros(labelled.shape, np.float32))
    labels[labelled, 0], labels[labelled, 2] = BACKGROUND, 0
    wrong_there = np.where(labelled[..., None], [-5.0, 5.0], [5.0, -5.0]).astype(np.float32)
    entropy = make_loss(Loss(teacher=1.0, dice=0.0), 2)(labels[None], wrong_there[None])
    assert float(entropy) == pytest.approx(10 * share, rel=1e-3), "10 for each labelled pixel, 0 for all others"
    lighter = make_loss(Loss(teacher=0.5, dice=0.0), 2)(labels[None], wrong_there[None])
    assert float(lighter) == pytest.approx(10 * share / (share + 0.5 * (1 - share)), rel=1e-3)


def test_where_only_background_is_labelled_the_classes_are_still_scored() -> None:
    labels = np.zeros((10, 10, 4), np.float32)
    labels[:5, :, 2:] = 1.0  # an object that is taught
    known = np.zeros((10, 10, 2), np.float32)
    known[:5, :, 1], known[5:, :, 0] = 5.0, 5.0
    labels[5:, :, 0] = BACKGROUND
    labels[:5, :, 0] = UNLABELLED
    nothing = np.zeros((10, 10, 2), np.float32)
    nothing[..., 0] = 5.0
    dice = make_loss(Loss(teacher=1.0, cross_entropy=0.0), 2)
    assert float(dice(labels[None], known[None])) < 0.05 < 0.9 < float(dice(labels[None], nothing[None]))
