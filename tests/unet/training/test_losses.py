"""The loss: against NumPy, and that an unlabelled pixel has no gradient."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.recipes import Loss
from unet_studio.unet.training.losses import balance_classes, make_loss

CLASSES = 3
KINDS = [Loss(1, 0), Loss(0, 1), Loss(0.7, 1.3)]
IDS = ["cross-entropy", "dice", "both"]
each_kind = pytest.mark.parametrize("weights", KINDS, ids=IDS)


def random_case(seed: int = 0, unlabelled: float = 0.5) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Labels (2, 6, 5) with this share of unlabelled pixels, and logits (2, 6, 5, 3)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, (2, 6, 5)).astype(np.uint8)
    labels[rng.random(labels.shape) < unlabelled] = UNLABELLED
    return labels, rng.normal(0, 3, (*labels.shape, CLASSES)).astype(np.float32)


def loss_of(weights: Loss, labels: NDArray[np.uint8], logits: NDArray[np.float32]) -> float:
    return float(make_loss(weights, CLASSES)(labels, logits))


def expected_loss(weights: Loss, labels: NDArray[np.uint8], logits: NDArray[np.float32]) -> float:
    labelled = labels != UNLABELLED
    truth = np.eye(CLASSES)[labels[labelled]]
    exponentials = np.exp(logits[labelled].astype(np.float64))
    probability = exponentials / exponentials.sum(axis=1, keepdims=True)
    cross_entropy = -(truth * np.log(probability)).sum() / labelled.sum()
    losses = [
        1 - (2 * (truth[:, k] * probability[:, k]).sum() + 1) / (truth[:, k].sum() + probability[:, k].sum() + 1)
        for k in range(1, CLASSES)
        if truth[:, k].any()
    ]
    return float(weights.cross_entropy * cross_entropy + weights.dice * (np.mean(losses) if losses else 0))


class _Logits(keras.layers.Layer):
    """Logits as the only weights of a network, so that one step of gradient descent shows their gradient."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        super().__init__()
        self.values = self.add_weight(shape=values.shape, initializer="zeros")
        self.values.assign(values)

    def call(self, inputs: Any) -> Any:
        return self.values + 0 * inputs


def gradient(weights: Loss, labels: NDArray[np.uint8], logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a step at rate 1 takes off the logits, by whichever backend Keras runs on."""
    layer = _Logits(logits)
    network = keras.Sequential([layer])
    network.compile(keras.optimizers.SGD(1.0), loss=make_loss(weights, CLASSES), run_eagerly=True)
    network.train_on_batch(np.zeros((*labels.shape, 1), np.float32), labels)
    return logits - keras.ops.convert_to_numpy(layer.values)


@each_kind
@given(seed=st.integers(0, 2**31), unlabelled=st.sampled_from([0.0, 0.3, 0.97]))
@settings(max_examples=15, deadline=None)
def test_it_agrees_with_numpy(weights: Loss, seed: int, unlabelled: float) -> None:
    labels, logits = random_case(seed, unlabelled)
    labels[0, 0, 0] = 1
    assert loss_of(weights, labels, logits) == pytest.approx(expected_loss(weights, labels, logits), rel=1e-4, abs=1e-5)


@each_kind
def test_unlabelled_pixels_carry_no_gradient_and_all_others_do(weights: Loss) -> None:
    labels, logits = random_case()
    pull = np.abs(gradient(weights, labels, logits)).sum(axis=-1)
    assert np.all(pull[labels == UNLABELLED] == 0)
    assert np.all(pull[labels != UNLABELLED] > 0)


@each_kind
def test_what_the_network_says_of_unlabelled_pixels_does_not_matter(weights: Loss) -> None:
    labels, logits = random_case()
    other = np.where((labels == UNLABELLED)[..., None], -logits, logits)
    assert loss_of(weights, labels, other) == loss_of(weights, labels, logits)


@each_kind
@given(rows=st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_adding_unlabelled_pixels_does_not_change_it(weights: Loss, rows: int) -> None:
    labels, logits = random_case()
    noise = np.random.default_rng(1).normal(0, 3, (2, rows, 5, CLASSES)).astype(np.float32)
    more_labels = np.concatenate([labels, np.full((2, rows, 5), UNLABELLED, np.uint8)], axis=1)
    more_logits = np.concatenate([logits, noise], axis=1)
    assert loss_of(weights, more_labels, more_logits) == pytest.approx(loss_of(weights, labels, logits), rel=1e-5)


@each_kind
def test_a_batch_without_labels_has_no_loss_and_no_gradient(weights: Loss) -> None:
    labels, logits = random_case(unlabelled=1.0)
    assert loss_of(weights, labels, logits) == 0
    assert np.all(gradient(weights, labels, logits) == 0)


def test_dice_leaves_out_classes_that_nobody_labelled() -> None:
    labels, logits = random_case(unlabelled=0)
    labels[labels == 2] = 0
    assert loss_of(Loss(0, 1), labels, logits) == pytest.approx(expected_loss(Loss(0, 1), labels, logits), rel=1e-4)


@each_kind
def test_the_truth_itself_is_nearly_free(weights: Loss) -> None:
    labels, _ = random_case(unlabelled=0)
    assert loss_of(weights, labels, 30 * np.eye(CLASSES, dtype=np.float32)[labels]) == pytest.approx(0, abs=1e-5)


def test_with_a_sigmoid_output_the_cross_entropy_is_the_binary_one() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (2, 6, 5)).astype(np.uint8)
    logit = rng.normal(0, 3, labels.shape).astype(np.float32)
    logits = np.stack([np.zeros_like(logit), logit], axis=-1)
    probability = 1 / (1 + np.exp(-logit.astype(np.float64)))
    binary = -np.where(labels == 1, np.log(probability), np.log(1 - probability)).mean()
    assert float(make_loss(Loss(1, 0), 2)(labels, logits)) == pytest.approx(binary, rel=1e-5)


def test_a_pixel_weighs_what_its_class_and_the_border_say() -> None:
    labels, logits = random_case()
    border = np.random.default_rng(1).random(labels.shape, dtype=np.float32)
    of_class = [0.5, 2.0, 4.0]
    weights = Loss(1.0, 0.0, border_weight=10.0)
    loss = make_loss(weights, CLASSES, class_weights=of_class)
    labelled = labels != UNLABELLED
    probability = np.exp(logits[labelled].astype(np.float64))
    probability /= probability.sum(axis=1, keepdims=True)
    entropy = -np.log(probability[np.arange(labelled.sum()), labels[labelled]])
    expected = ((np.array(of_class)[labels[labelled]] + border[labelled]) * entropy).sum() / labelled.sum()
    both = np.stack([labels.astype(np.float32), border], axis=-1)
    assert float(loss(keras.ops.convert_to_tensor(both), logits)) == pytest.approx(expected, rel=1e-4)


@given(pixels=st.lists(st.integers(0, 10**9), min_size=2, max_size=6), cap=st.sampled_from([1.0, 3.0, 50.0]))
@settings(deadline=None)
def test_rare_classes_weigh_more_up_to_the_cap_and_a_labelled_pixel_weighs_1(pixels: list[int], cap: float) -> None:
    counts = np.array(pixels)
    weights = np.array(balance_classes(counts, cap))
    known = counts > 0
    assert np.all(weights[~known] == 1)
    if known.any():
        assert (counts * weights).sum() / counts.sum() == pytest.approx(1)
        commonest = weights[counts.argmax()]
        expected = np.minimum(np.sqrt(counts.max() / counts[known]), cap)
        np.testing.assert_allclose(weights[known] / commonest, expected)


def test_a_cap_of_1_weighs_all_classes_alike() -> None:
    assert balance_classes(np.array([10**6, 3, 0]), 1.0) == [1, 1, 1]
