"""Pooled figures and their intervals."""

import math

import numpy as np
import pytest

from unet_studio.core.reporting.agreement import SlideAgreement, pool_agreement
from unet_studio.core.scoring.object_counts import ObjectCounts
from unet_studio.core.scoring.scores import Counts


def slide(name: str, confusion: list[list[int]], objects: ObjectCounts) -> SlideAgreement:
    return SlideAgreement(name, Counts(np.array(confusion, np.int64)), objects)


def test_figures_are_pooled_and_biases_have_their_sign() -> None:
    slides = [
        slide("a", [[80, 10], [0, 10]], ObjectCounts(10, 12, 9)),
        slide("b", [[70, 10], [5, 15]], ObjectCounts(10, 12, 9))
    ]  # fmt: skip
    pooled = pool_agreement(slides)
    assert pooled.slides == 2
    assert pooled.f1.value == pytest.approx(36 / 44)
    assert pooled.count_bias.value == pytest.approx(0.2)
    assert pooled.area_bias.value == pytest.approx(45 / 30 - 1)
    assert pooled.dice.value == pytest.approx((slides[0].pixels + slides[1].pixels).mean_dice)
    assert pooled.count_bias.low == pytest.approx(0.2), "both slides say the same"
    assert pooled.area_bias.low < 0.5 < pooled.area_bias.high


def test_dice_is_the_mean_over_classes_that_occur() -> None:
    only_first = slide("a", [[5, 0, 0], [1, 9, 0], [0, 0, 0]], ObjectCounts(1, 1, 1))
    assert pool_agreement([only_first]).dice.value == pytest.approx(only_first.pixels.mean_dice)


def test_without_slides_or_with_one_there_is_no_interval() -> None:
    assert math.isnan(pool_agreement([]).f1.value)
    one = pool_agreement([slide("a", [[80, 10], [0, 10]], ObjectCounts(4, 4, 4))])
    assert one.f1.value == 1
    assert math.isnan(one.f1.low)


def test_empty_slides_have_no_figures() -> None:
    empty = slide("a", [[100, 0], [0, 0]], ObjectCounts())
    assert math.isnan(pool_agreement([empty, empty]).f1.value)
