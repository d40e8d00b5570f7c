"""Each sentence of a verdict, brought about by what it says."""

from typing import Any

import pytest

from tests.core.scoring.judging import CLASSES, compared, retrained, slides, tile
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, TooClose, Verdict
from unet_studio.core.scoring.verdict_sentences import brief, details, headline, outcome
from unet_studio.protocol.values import ComparedTile, Comparison, Corrections, Round

UP = slides([0.8, 0.7, 0.9, 0.85, 0.75], [0.84, 0.75, 0.93, 0.9, 0.79])
DOWN = slides([0.84, 0.75, 0.93, 0.9, 0.79], [0.8, 0.7, 0.9, 0.85, 0.75])
SAME = slides([0.8, 0.7, 0.9, 0.85, 0.75], [0.84, 0.66, 0.93, 0.81, 0.77])
FORGOTTEN = ((8900, 0), (1070, 30))


def judged(
    comparison: Comparison | None, *, rival: str = "old", rule: TooClose = TooClose.IF_KEPT, **of: Any
) -> Judgement:
    return judge_model(retrained(comparison, **of), classes=CLASSES, rival=rival, rule=rule)


@pytest.mark.parametrize(
    ("judgement", "says"),
    [
        (judged(compared(UP)), "better: Dice 0.8420 on the hold-out, before 0.8000 (difference +0.0420, "),
        (judged(compared(UP)), "over 5 slides). It is in use."),
        (judged(compared(DOWN)), "is worse: Dice 0.8000 on the hold-out"),
        (judged(compared(SAME)), "too close to call: Dice 0.8020"),
        (judged(compared(SAME)), "one is in use, since most of what was corrected is right in it and nothing else"),
        (judged(compared(SAME), rule=TooClose.ALWAYS), "The new one is in use, as you chose for such cases."),
        (judged(compared(SAME), rule=TooClose.NEVER), "The one before stays in use, as you chose for such cases."),
        (
            judged(compared(slides([0.8, 0.7, 0.9], [0.84, 0.6, 0.86]))),
            "stays in use: the new one's Dice on the hold-out is lower, though perhaps by chance.",
        ),
        (
            judged(compared(SAME, learned_strokes=Corrections(900, 400, 30, 7))),
            "stays in use: of 400 corrected pixels the new one has 30 right, and 7 wrong that were right.",
        ),
        (
            judged(compared(SAME, elsewhere=((8000, 900), (0, 1100)))),
            "stays in use: spot area on 8 of the 31 slides that nobody labelled +82 %, Dice of the two 0.71.",
        ),
        (judged(compared([tile("a.png", 0.8, 0.9), tile("a.png", 0.8, 0.9)])), "over 2 tiles of one slide, which"),
        (judged(compared()), "can't be judged: no plane of a held-out slide is reviewed; review one of them"),
        (
            judged(compared(unseen_strokes=Corrections(50, 40, 30, 0))),
            "can't be judged: the held-out slides have only strokes over mistakes",
        ),
        (judged(compared([tile("a.png", 1, 1, spot=0)] * 3)), "the held-out slides have no spot (Dice –)"),
        (judged(compared([tile("a.png", 0.8, 0.9)])), "too little to say how far chance goes"),
        (
            judged(compared(UP, elsewhere=FORGOTTEN)),
            "would change too much where nobody labelled: spot area on 8 of the 31 slides that nobody labelled −97 %, "
            "Dice of the two 0.05. The one before stays in use.",
        ),
        (
            judged(compared(elsewhere=FORGOTTEN, elsewhere_slides=0, unlabelled_slides=0)),
            "spot area where nobody labelled on the labelled slides −97 %",
        ),
        (
            judged(compared(elsewhere=FORGOTTEN, elsewhere_slides=1, unlabelled_slides=1)),
            "spot area on the 1 slide that nobody labelled −97 %",
        ),
        (judged(compared(elsewhere=((0, 9000), (0, 0)))), "from nothing to 100 % of the pixels"),
        (judged(compared(learned=slides([0.9, 0.1], [0.5, 0.9]))), "on 1 of 2 slides that it learned from"),
        (judged(compared(slides([0.9, 0.1], [0.5, 0.9]))), "slides: on 1 of 2 slides held out its Dice is"),
        (judged(None, rival=""), "This is the first model of this project. It is in use."),
        (judged(None), "was not compared with the model in use. That one stays in use."),
        (judged(compared(UP), classes=("background", "cell")), "they were changed while it learned. It is not"),
        (
            judged(compared(UP), stopped=True, history=(Round(1, 9, 0.5, 0.5, 1.0, kept=True),)),
            "was stopped in its first round. Its model is not used.",
        ),
        (
            judged(compared(UP), history=(Round(0, 1, 0.5, 0.5, 1.0, kept=True),)),
            "The training learned nothing. Its model is not used.",
        ),
        (Judgement(Verdict.NOT_USABLE, False, "new"), "could not be put to use. The model in use stays."),
    ],
)  # fmt: skip
def test_every_headline(judgement: Judgement, says: str) -> None:
    assert says in headline(judgement)
    said = outcome(judgement)
    assert not said.verdict.endswith(".") and not said.reason.endswith(".")
    assert said.consequence.endswith(".")


def test_the_brief_sentence_has_the_dice_of_both_and_no_interval() -> None:
    assert brief(judged(compared(UP))) == "The new model is better: Dice 0.8420, before 0.8000. It is in use."
    unjudged = judged(compared())
    assert brief(unjudged) == headline(unjudged)
    assert brief(judged(None, rival="")) == "This is the first model of this project. It is in use."


@pytest.mark.parametrize(
    ("comparison", "says"),
    [
        (compared(UP, proposed=28_000), "Of 50,000 held-out pixels 28,000 are as a model proposed them."),
        (
            compared(UP, in_bulk=tuple(slides([1.0], [0.5]))),
            "accepted many slides at once and don't count: Dice 0.5000 on them, before 1.0000.",
        ),
        (
            compared(UP, unseen_strokes=Corrections(90, 80, 40, 0)),
            "Of 80 pixels corrected on held-out slides, which it never saw, it has 50 % right.",
        ),
        (compared(UP), "Of 400 pixels that you corrected it has 95 % right."),
        (
            compared(UP, learned_whole=Corrections(9000, 400, 1090, 50)),
            "On whole slides that it learned from it has 1,090 pixels right that were wrong, and 50 wrong that were",
        ),
        (compared(UP), "Spot area on 8 of the 31 slides that nobody labelled +0 %, Dice of the two 0.91."),
        (compared(UP, elsewhere=((8801, 100), (103, 996))), "that nobody labelled +0 %, Dice"),
    ],
)
def test_every_detail(comparison: Comparison, says: str) -> None:
    assert any(says in sentence for sentence in details(judged(comparison)))


def test_a_class_that_the_hold_out_lacks_is_named_with_a_dash() -> None:
    three = [((9000, 10, 0), (10, 900, 0), (0, 0, 0))] * 2
    tiles = [(f"{n}.png", *three) for n in range(5)]
    none = ((0,) * 3,) * 3
    comparison = compared([ComparedTile(*of) for of in tiles], elsewhere=none, unlabelled=none)
    trained = retrained(comparison, classes=("background", "spot", "crack"))
    judgement = judge_model(trained, classes=("background", "spot", "crack"), rival="old")
    assert "The held-out slides have no crack, so nothing is said of it: crack –." in details(judgement)


def test_where_nothing_was_compared_there_is_nothing_else_to_say() -> None:
    assert details(judged(None, rival="")) == ()
