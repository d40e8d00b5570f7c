"""Optimisers: rectified Adam against NumPy, and the learning rate of each step."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.unet.recipes import Schedule
from unet_studio.unet.training.optimisers import RectifiedAdam, learning_rate, make_optimiser


def rectified_adam(
    start: NDArray[np.float64], gradients: NDArray[np.float64], *, rate: float, b1: float, b2: float
) -> NDArray[np.float64]:
    """Liu et al. 2020, algorithm 2, line by line."""
    weights, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    longest = 2 / (1 - b2) - 1
    for t, gradient in enumerate(gradients, start=1):
        v = b2 * v + (1 - b2) * gradient**2
        m = b1 * m + (1 - b1) * gradient
        mean = m / (1 - b1**t)
        length = longest - 2 * t * b2**t / (1 - b2**t)
        if length > 4:
            adaptive = np.sqrt((1 - b2**t) / v)
            r = np.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length))
            weights = weights - rate * r * mean * adaptive
        else:
            weights = weights - rate * mean
    return weights


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 40])
@pytest.mark.parametrize(("b1", "b2"), [(0.9, 0.999), (0.5, 0.9)])
def test_rectified_adam_agrees_with_numpy(steps: int, b1: float, b2: float) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 2)), rng.normal(1, 2, size=(steps, 3, 2))
    weights = keras.Variable(start, dtype="float32")
    optimiser = RectifiedAdam(0.1, beta_1=b1, beta_2=b2)
    for gradient in gradients:
        optimiser.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weights])
    expected = rectified_adam(start, gradients, rate=0.1, b1=b1, b2=b2)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(weights), expected, rtol=2e-4, atol=1e-5)


def test_rectified_adam_can_be_saved_and_made_again() -> None:
    made = RectifiedAdam(0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-3, clipnorm=1.0)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert isinstance(again, RectifiedAdam)
    assert again.get_config() == made.get_config()


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", keras.optimizers.Adam), ("radam", RectifiedAdam), ("sgd", keras.optimizers.SGD)]
)
def test_an_optimiser_is_made_by_its_name(name: str, kind: type) -> None:
    optimiser = make_optimiser(Schedule(optimiser=name, momentum=0.99, clip=0.0, ema=0.5))
    assert isinstance(optimiser, kind)  # PyTorch has subclasses of its own, of the same name
    assert type(optimiser).__name__ == kind.__name__
    assert (optimiser.clipnorm, optimiser.use_ema, optimiser.ema_momentum) == (None, True, 0.5)
    assert getattr(optimiser, "momentum", 0.99) == 0.99


def test_the_rate_climbs_then_falls_along_a_cosine() -> None:
    schedule = Schedule(learning_rate=1.0, warmup=10)
    rates = [learning_rate(schedule, step, 110) for step in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.51)
    assert rates[110] == pytest.approx(0.02)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize("decay", ["plateau", "none"])
def test_other_decays_keep_the_rate_after_the_warmup(decay: str) -> None:
    schedule = Schedule(learning_rate=1.0, warmup=2, decay=decay, validation=0.1)
    assert [learning_rate(schedule, step, 9) for step in (0, 2, 8)] == pytest.approx([0.1, 1, 1])


def test_without_warmup_the_first_step_has_the_whole_rate() -> None:
    assert learning_rate(Schedule(learning_rate=1.0, warmup=0), 0, 9) == 1
