"""The gate keeps what is better, and lets no model in the active one's place that wasn't compared with it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.scoring.gate import Verdict, judge_model, keeps_round
from unet_studio.protocol.values import Retrained, Round

CLASSES = ("background", "spot")


def trained(*dice: float, held_out: int = 5, parent: str = "old") -> Retrained:
    """A training whose rounds scored this; the last one that the gate keeps is kept."""
    kept = [keeps_round(score, dice[:number], held_out=held_out) for number, score in enumerate(dice)]
    rounds = [Round(number, len(dice) - 1, 0.5, score, 1.0, kept[number]) for number, score in enumerate(dice)]
    return Retrained("new", parent, CLASSES, held_out, tuple(rounds))


@pytest.mark.parametrize(
    ("retrained", "rival", "verdict"),
    [
        (trained(0.5, 0.6), "old", Verdict.BETTER),
        (trained(0.5, 0.6, 0.55), "old", Verdict.BETTER),
        (trained(0.5, 0.4), "old", Verdict.NO_BETTER),
        (trained(0.5, 0.5), "old", Verdict.NO_BETTER),
        (trained(0.9, 0.87, held_out=1), "old", Verdict.ABOUT_AS_GOOD),
        (trained(0.9, 0.5, held_out=1), "old", Verdict.NO_BETTER),
        (trained(0.9, 0.5, held_out=0), "old", Verdict.NOT_COMPARED),
        (trained(0.1, 0.6, parent=""), "", Verdict.BETTER),
        (trained(0.1, 0.6, parent=""), "old", Verdict.OTHER_START),
        (trained(0.1, 0.6), "chosen meanwhile", Verdict.OTHER_START),
        (trained(0.1, 0.6, held_out=0, parent=""), "old", Verdict.OTHER_START),
        (trained(0.5, 0.4, parent=""), "old", Verdict.NO_BETTER),
    ],
)
def test_the_verdict_and_its_reason(retrained: Retrained, rival: str, verdict: Verdict) -> None:
    assert judge_model(retrained, classes=CLASSES, rival=rival) is verdict


@pytest.mark.parametrize("classes", [("background", "nucleus"), ("background",), ("background", "spot", "debris")])
def test_a_model_of_other_classes_is_never_used(classes: tuple[str, ...]) -> None:
    assert judge_model(trained(0.1, 0.9), classes=classes, rival="old") is Verdict.OTHER_CLASSES
    assert judge_model(trained(0.1, 0.9), classes=classes, rival="") is Verdict.OTHER_CLASSES


scores = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(scores, st.integers(0, 9))
def test_what_is_adopted_was_trained_and_is_not_clearly_worse(dice: list[float], held_out: int) -> None:
    retrained = trained(*dice, held_out=held_out)
    verdict = judge_model(retrained, classes=CLASSES, rival="old")
    assert verdict.is_adopted == (retrained.kept.round > 0)
    if verdict.is_adopted and held_out >= 5:
        assert retrained.dice == max(dice) > dice[0]
    if verdict.is_adopted and held_out:
        assert retrained.dice > max(dice[: retrained.kept.round]) - 0.05 - 1e-9


@given(scores)
def test_the_first_is_always_kept_until_something_else_is(dice: list[float]) -> None:
    assert trained(*dice).history[0].kept
    assert keeps_round(dice[0], (), held_out=5)


def test_the_rounds_that_were_trained_are_counted() -> None:
    retrained = trained(0.1, 0.6, 0.5)
    assert (retrained.rounds, retrained.kept.round, retrained.dice, retrained.dice_before) == (2, 1, 0.6, 0.1)
    assert replace(retrained, history=retrained.history[:1]).rounds == 0
