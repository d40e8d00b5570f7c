"""A power law is found again from its points, and nothing is predicted of too few."""

import math

import pytest

from unet_studio.core.reporting.learning_curve import LearningPoint, fit_learning_curve


def points(*pairs: tuple[int, float]) -> list[LearningPoint]:
    return [LearningPoint(f"m{number}", *pair) for number, pair in enumerate(pairs)]


def test_a_power_law_is_found_again() -> None:
    curve = fit_learning_curve(points(*((n, 1 - 0.4 * n**-0.5) for n in (4, 9, 16, 25))))
    assert (curve.factor, curve.exponent) == pytest.approx((0.4, 0.5))
    assert curve.dice(100) == pytest.approx(0.96)
    assert curve.gain_of_doubling == pytest.approx(0.4 * (25**-0.5 - 50**-0.5))


def test_two_numbers_of_slides_are_too_few_however_many_models_there_are() -> None:
    curve = fit_learning_curve(points((4, 0.8), (4, 0.81), (8, 0.85), (8, 0.86)))
    assert not curve.is_fitted
    assert math.isnan(curve.gain_of_doubling)
    assert len(curve.points) == 4


def test_models_that_got_worse_promise_nothing() -> None:
    curve = fit_learning_curve(points((4, 0.9), (8, 0.89), (16, 0.85)))
    assert curve.exponent == 0
    assert curve.gain_of_doubling == 0


def test_a_perfect_model_is_no_logarithm_of_zero() -> None:
    assert fit_learning_curve(points((2, 0.9), (4, 0.99), (8, 1.0))).dice(16) <= 1
