"""A judgement in sentences, the same in the window and on the command line."""

import math
from dataclasses import dataclass

from unet_studio.core.scoring.judgement import AreaChange, Judgement, TooClose, Verdict
from unet_studio.core.wording import counted

_NOTHING_VOUCHED = "no plane of a held-out slide is reviewed; review one of them as a whole"
_ONLY_STROKES = (
    "the held-out slides have only strokes over mistakes of the model before, on which any other model looks better; "
    "review one of them as a whole"
)
_ONE_TILE = "what is reviewed of the held-out slides is too little to say how far chance goes; review another one"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said of a new model: the verdict, the figures or the reason, and whether it is in use.

    The first two have no full stop, and the reason may be empty.
    """

    verdict: str
    reason: str
    consequence: str


def headline(judgement: Judgement) -> str:
    """What is said of the new model, whether it is in use, and why, in one or two sentences."""
    said = outcome(judgement)
    return _one_text(said.verdict, said.reason, said.consequence)


def brief(judgement: Judgement) -> str:
    """The headline with no more figures than the Dice of both models."""
    said = outcome(judgement)
    reason = said.reason
    if reason == figures(judgement):
        reason = f"Dice {_dice(judgement.dice_after)}, before {_dice(judgement.dice_before)}"
    return _one_text(said.verdict, reason, said.consequence)


def _one_text(verdict: str, reason: str, consequence: str) -> str:
    return f"{verdict}: {reason}. {consequence}" if reason else f"{verdict}. {consequence}"


def outcome(judgement: Judgement) -> Outcome:
    """The headline in its parts."""
    match judgement.verdict:
        case Verdict.BETTER:
            return Outcome("The new model is better", figures(judgement), "It is in use.")
        case Verdict.WORSE:
            return Outcome("The new model is worse", figures(judgement), "The one before stays in use.")
        case Verdict.TOO_CLOSE:
            return Outcome("Old and new are too close to call", figures(judgement), _by_rule(judgement))
        case Verdict.NOT_JUDGED:
            return Outcome("The new model can't be judged", why_not_judged(judgement), _by_rule(judgement))
        case Verdict.CHANGES_ELSEWHERE:
            change = next(change for change in judgement.changes if change.is_forgotten or change.is_everything)
            return Outcome(
                "The new model would change too much where nobody labelled",
                area_change(change, judgement),
                "The one before stays in use.",
            )
        case Verdict.TORN:
            return Outcome(
                "The new model is much worse on some slides",
                f"{_where_torn(judgement)} its Dice is lower by more than 0.1",
                "The one before stays in use. Look at the labels there: they may contradict those of other slides.",
            )
        case Verdict.FIRST:
            return Outcome("This is the first model of this project", "", "It is in use.")
        case Verdict.LEARNED_NOTHING:
            return Outcome(
                "The training learned nothing", "", "Its model is not used. Label more, of each class and background."
            )
        case Verdict.STOPPED:
            return Outcome(
                "The training was stopped in its first round", "", "Its model is not used. Train longer to have one."
            )
        case Verdict.OTHER_RIVAL:
            return Outcome(
                "The new model was not compared with the model in use",
                "",
                "That one stays in use. Choose the new one to use it nevertheless.",
            )
        case Verdict.OTHER_CLASSES:
            return Outcome(
                "The new model knows other classes than the project has now",
                "they were changed while it learned",
                "It is not used. Retrain to learn the classes as they are now.",
            )
        case Verdict.NOT_USABLE:
            return Outcome("The new model could not be put to use", "", "The model in use stays.")


def details(judgement: Judgement) -> tuple[str, ...]:
    """What else there is to know before one trusts the verdict, a sentence each; none where nothing was compared."""
    if not judgement.rival:
        return ()
    found = of_hold_out(judgement)
    pixels, before, after = judgement.in_bulk
    if pixels:
        found.append(
            f"{pixels:,} held-out pixels were accepted many slides at once and don't count: "
            f"Dice {_dice(after)} on them, before {_dice(before)}."
        )
    unseen, strokes, whole = judgement.unseen_strokes, judgement.learned_strokes, judgement.learned_whole
    if unseen.wrong:
        found.append(
            f"Of {counted(unseen.wrong, 'pixel')} corrected on held-out slides, which it never saw, it has "
            f"{_percent(unseen.mended / unseen.wrong)} right."
        )
    if strokes.wrong:
        found.append(
            f"Of {counted(strokes.wrong, 'pixel')} that you corrected it has "
            f"{_percent(strokes.mended / strokes.wrong)} right."
        )
    if whole.mended or whole.spoiled:
        found.append(
            f"On whole slides that it learned from it has {whole.mended:,} pixels right that were wrong, and "
            f"{whole.spoiled:,} wrong that were right."
        )
    if judgement.verdict is not Verdict.CHANGES_ELSEWHERE:  # which says it already
        found += [f"{_sentence(area_change(change, judgement))}." for change in judgement.changes if change.is_seen]
    return tuple(found)


def of_hold_out(judgement: Judgement) -> list[str]:
    """What of the hold-out nobody labelled by hand, and which classes it lacks."""
    found = []
    if judgement.proposed:
        found.append(f"Of {judgement.pixels:,} held-out pixels {judgement.proposed:,} are as a model proposed them.")
    if judgement.pixels and judgement.missing:
        found.append(
            f"The held-out slides have no {' and no '.join(judgement.missing)}, so nothing is said of it: "
            f"{', '.join(f'{name} –' for name in judgement.missing)}."
        )
    return found


def figures(judgement: Judgement, *, before: str = "before") -> str:
    """Dice, difference and interval; `before` leads to the Dice of the first model."""
    difference = judgement.difference
    over = f"{judgement.units} slides"
    if judgement.over_tiles:
        over = f"{judgement.units} tiles of one slide, which can't speak for others"
    return (
        f"Dice {_dice(judgement.dice_after)} on the hold-out, {before} {_dice(judgement.dice_before)} "
        f"(difference {_points(difference.value)}, 95 % interval {_points(difference.low)} to "
        f"{_points(difference.high)} over {over})"
    )


def why_not_judged(judgement: Judgement) -> str:
    """Why the hold-out can't tell which of two models is better, and what to do about it."""
    if not judgement.pixels:
        return _ONLY_STROKES if judgement.unseen_strokes.labelled else _NOTHING_VOUCHED
    if math.isnan(judgement.dice_after):
        missing = " and no ".join(judgement.missing)
        return f"the held-out slides have no {missing} (Dice –); review one of them that has some"
    return _ONE_TILE


def _where_torn(judgement: Judgement) -> str:
    (fallen, of), kind = judgement.fallen_learned, "that it learned from"
    if 5 * fallen <= of:
        (fallen, of), kind = judgement.fallen_judged, "held out"
    return f"on {fallen} of {counted(of, 'slide')} {kind}"


def _by_rule(judgement: Judgement) -> str:
    match judgement.rule:
        case TooClose.ALWAYS:
            return "The new one is in use, as you chose for such cases."
        case TooClose.NEVER:
            return "The one before stays in use, as you chose for such cases."
    if judgement.is_adopted:
        return "The new one is in use, since most of what was corrected is right in it and nothing else changes much."
    if not judgement.keeps_corrections:
        both = (judgement.learned_strokes, judgement.learned_whole)
        wrong, mended, spoiled = (sum(getattr(of, name) for of in both) for name in ("wrong", "mended", "spoiled"))
        reason = (
            f"of {wrong:,} corrected pixels the new one has {mended:,} right, and {spoiled:,} wrong that were right"
        )
    elif judgement.falls:
        reason = "the new one's Dice on the hold-out is lower, though perhaps by chance"
    else:
        reason = area_change(next(change for change in judgement.changes if change.is_much), judgement)
    return f"The one before stays in use: {reason}."


def area_change(change: AreaChange, judgement: Judgement) -> str:
    """How the area of a class changes where nobody labelled, and where that was looked at."""
    looked_at, of = judgement.elsewhere
    if not of:
        where = "where nobody labelled on the labelled slides"
    elif looked_at < of:
        where = f"on {looked_at} of the {of} slides that nobody labelled"
    else:
        where = f"on the {counted(of, 'slide')} that nobody labelled"
    if change.before == 0:
        return f"{change.name} area {where} from nothing to {_percent(change.after)} of the pixels"
    return (
        f"{change.name} area {where} {_signed(change.after / change.before - 1)}, Dice of the two {change.overlap:.2f}"
    )


def _points(difference: float) -> str:
    return f"{difference:+.4f}".replace("-", "−")


def _signed(share: float) -> str:
    return f"{round(100 * share):+d} %".replace("-", "−")


def _dice(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
