"""How often verdicts are wrong, on made-up hold-outs whose slides differ as slides do; training/verdicts.py trains."""

import numpy as np
import pytest

from tests.core.scoring.judging import CLASSES, compared, confusion, retrained
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.protocol.values import ComparedTile

DRAWS = 200
BETTER_BY = 0.02


def draw(rng: np.random.Generator, held_out: int, *, gain: float) -> Judgement:
    """A hold-out of slides of four tiles; a slide gains more or less than another, as all its tiles do."""
    tiles = []
    for slide in range(held_out):
        before, of_slide = rng.normal(0.8, 0.06), rng.normal(gain, 0.02)
        for _ in range(4):
            spot = int(rng.integers(300, 3000))
            old = before + rng.normal(0, 0.03)
            new = old + of_slide + rng.normal(0, 0.02)
            dices = [min(max(float(dice), 0.01), 0.99) for dice in (old, new)]
            tiles.append(ComparedTile(f"{slide}.png", confusion(dices[0], spot), confusion(dices[1], spot)))
    return judge_model(retrained(compared(tiles)), classes=CLASSES, rival="old")


@pytest.mark.parametrize("held_out", [2, 5, 20])
def test_what_learned_nothing_is_seldom_called_better_and_intervals_hold_the_truth(held_out: int) -> None:
    rng = np.random.default_rng(held_out)
    found = [draw(rng, held_out, gain=0.0) for _ in range(DRAWS)]
    assert sum(judgement.verdict is Verdict.BETTER for judgement in found) <= 0.05 * DRAWS
    covered = sum(judgement.difference.low <= 0 <= judgement.difference.high for judgement in found)
    assert 0.92 * DRAWS <= covered <= 0.985 * DRAWS  # 95 % give or take two standard errors of so many draws


def test_two_points_are_seen_on_twenty_slides() -> None:
    rng = np.random.default_rng(7)
    found = [draw(rng, 20, gain=BETTER_BY) for _ in range(DRAWS)]
    assert sum(judgement.verdict is Verdict.BETTER for judgement in found) >= 0.8 * DRAWS
    assert not any(judgement.verdict is Verdict.WORSE for judgement in found)


@pytest.mark.parametrize("held_out", [2, 5, 20])
def test_what_is_much_worse_is_never_used(held_out: int) -> None:
    rng = np.random.default_rng(11)
    assert not any(draw(rng, held_out, gain=-0.3).is_adopted for _ in range(50))
