"""Labels of one class make a network find less or more of it everywhere; what the teacher says takes that back."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.tiles import Box
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture
from unet_studio.unet.training.class_balance import likeliest_shifts, restore_balance
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.teacher import Teacher

SHAPE = (96, 128)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4), st.floats(-3, 3))
def test_at_the_likeliest_shifts_each_class_is_as_frequent_as_it_is_said_to_be(
    seed: int, classes: int, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    said = softmax(rng.normal(0, 2, (4000, classes))).astype(np.float32)
    logits = (np.log(said) + rng.normal(0, 0.5, said.shape) + offset * np.arange(classes)).astype(np.float32)
    shifts = likeliest_shifts(logits, said)
    assert shifts[0] == 0
    np.testing.assert_allclose(softmax(logits + shifts).mean(axis=0), said.mean(axis=0), atol=2e-3)


def test_of_nothing_no_shift_is_made() -> None:
    none = np.zeros((0, 3), np.float32)
    np.testing.assert_array_equal(likeliest_shifts(none, none), [0, 0, 0])


@pytest.fixture(scope="module", params=["softmax", "sigmoid"])
def network(request: pytest.FixtureRequest) -> tuple[keras.Model, Architecture]:
    """A network with random weights, which proposes something on about half of a noisy plane."""
    keras.utils.set_random_seed(3)
    architecture = Architecture(depth=2, width=4, output=request.param)
    return build_unet(architecture, channels=1, classes=2), architecture


def shifted(network: keras.Model, architecture: Architecture, by: float) -> keras.Model:
    """A copy whose logits of the class are off by so much."""
    copy = build_unet(architecture, channels=1, classes=2)
    *weights, bias = network.get_weights()
    bias[-1] += by
    copy.set_weights([*weights, bias])
    return copy


@pytest.fixture
def slides(slide_from: Callable[..., LabelledSlide]) -> list[LabelledSlide]:
    """One slide that is labelled a little, and two that nobody touched."""
    rng = np.random.default_rng(0)
    made = []
    for name in ("a", "b", "c"):
        labels = np.full(SHAPE, UNLABELLED, np.uint8)
        if name == "a":
            labels[40:50, 40:50] = 0
        made.append(slide_from(rng.random(SHAPE, np.float32), labels, name))
    return made


@pytest.mark.parametrize("by", [-1.5, 2.0])
def test_a_network_that_finds_too_little_or_too_much_proposes_as_the_teacher_does(
    network: tuple[keras.Model, Architecture], slides: list[LabelledSlide], by: float
) -> None:
    teaching, architecture = network
    teacher = Teacher(Predictor(teaching, architecture))
    for slide in slides:
        slide.taught = teacher.of(slide.plane, slide.read, slide.shape)
    learned = shifted(teaching, architecture, by)
    signs: list[None] = []
    shifts = restore_balance(learned, architecture, slides, seed=0, each=lambda: signs.append(None))
    assert len(signs) == len(slides), "who stopped a training and waits for its end gets a sign for each tile"
    np.testing.assert_allclose(shifts, [0, -by], atol=0.02)
    before, after = (
        Predictor(of, architecture).probabilities(slides[1].read(Box.of_shape(SHAPE))) for of in (teaching, learned)
    )
    np.testing.assert_allclose(after, before, atol=3)


def test_without_a_teacher_nothing_changes(
    network: tuple[keras.Model, Architecture], slides: list[LabelledSlide]
) -> None:
    learned = shifted(*network, 1.0)
    before = learned.get_weights()
    np.testing.assert_array_equal(restore_balance(learned, network[1], slides, seed=0), [0, 0])
    for old, new in zip(before, learned.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
