"""May I stop? An answer that follows from the numbers of a report by a rule that it states."""

import math
from dataclasses import dataclass
from enum import StrEnum

from unet_studio.core.reporting.agreement import Agreement
from unet_studio.core.reporting.learning_curve import LearningCurve

LEAST_SLIDES = 5
WIDEST = 0.05
LEAST_GAIN = 0.01
RULE = (
    f"The rule: you may stop if F1 is known well enough (the audit sample has {LEAST_SLIDES} reviewed slides or more, "
    f"and the 95 % interval reaches no more than {WIDEST:.2f} to either side) and twice as many labelled slides are "
    f"expected to add less than {LEAST_GAIN:.2f} of Dice by the learning curve. Whether F1 itself is good enough for "
    "your question is for you to say."
)


class MayStop(StrEnum):
    """Whether more labelling is worth it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """The answer and the sentence that says why."""

    answer: MayStop
    sentence: str


def may_stop(agreement: Agreement, curve: LearningCurve, *, on_audit: bool) -> StopAnswer:
    """Answer by `RULE`; that more labels still help is said first, whatever else is missing."""
    gain = curve.gain_of_doubling
    if gain >= LEAST_GAIN:
        return StopAnswer(MayStop.NO, f"Not yet: twice as many labelled slides are expected to add {gain:.3f} of Dice.")
    missing = _missing(agreement, on_audit=on_audit)
    if math.isnan(gain):
        missing.append("a learning curve (it takes three models that learned from different numbers of slides)")
    if missing:
        return StopAnswer(MayStop.UNKNOWN, f"That can't be said yet. It takes {', and '.join(missing)}.")
    return StopAnswer(
        MayStop.YES,
        f"Yes, if an F1 of {agreement.f1.value:.3f} ({agreement.f1.low:.3f} to {agreement.f1.high:.3f}) is enough for "
        f"your question: twice as many labelled slides are expected to add only {gain:.3f} of Dice.",
    )


def _missing(agreement: Agreement, *, on_audit: bool) -> list[str]:
    if not on_audit or agreement.slides < LEAST_SLIDES:
        there = agreement.slides if on_audit else 0
        return [f"{LEAST_SLIDES} reviewed slides of the audit sample with proposals (there are {there})"]
    reach = (agreement.f1.high - agreement.f1.low) / 2
    if not reach <= WIDEST:
        how = "has no interval" if math.isnan(reach) else f"is only known to ± {reach:.3f}"
        return [f"more reviewed slides of the audit sample (F1 {how})"]
    return []
