"""Each answer follows from the numbers by the rule."""

import math

from unet_studio.core.reporting.agreement import Agreement
from unet_studio.core.reporting.learning_curve import LearningCurve, LearningPoint
from unet_studio.core.reporting.stopping import MayStop, may_stop
from unet_studio.core.scoring.bootstrap import Interval

NOTHING = Interval(math.nan, math.nan, math.nan)
FLAT = LearningCurve((LearningPoint("m", 20, 0.9),), 0.1, 0.01)
STEEP = LearningCurve((LearningPoint("m", 20, 0.8),), 0.5, 0.5)
UNKNOWN = LearningCurve(())


def agreement(reach: float, slides: int = 10) -> Agreement:
    return Agreement(slides, Interval(0.9, 0.9 - reach, 0.9 + reach), NOTHING, NOTHING, NOTHING)


def test_yes_where_f1_is_known_and_labels_add_little() -> None:
    answer = may_stop(agreement(0.02), FLAT, on_audit=True)
    assert answer.answer is MayStop.YES
    assert "F1 of 0.900 (0.880 to 0.920)" in answer.sentence


def test_no_where_labels_still_help_whatever_else_is_missing() -> None:
    answer = may_stop(agreement(0.2, slides=1), STEEP, on_audit=False)
    assert answer.answer is MayStop.NO
    assert "expected to add 0.03" in answer.sentence


def test_unknown_says_what_it_takes() -> None:
    assert "± 0.080" in may_stop(agreement(0.08), FLAT, on_audit=True).sentence
    assert "(there are 4)" in may_stop(agreement(0.02, slides=4), FLAT, on_audit=True).sentence
    on_hold_out = may_stop(agreement(0.02), FLAT, on_audit=False)
    assert (on_hold_out.answer, "(there are 0)" in on_hold_out.sentence) == (MayStop.UNKNOWN, True)
    assert "a learning curve" in may_stop(agreement(0.02), UNKNOWN, on_audit=True).sentence
