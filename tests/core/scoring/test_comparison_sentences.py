"""Each sentence of a comparison of two models, brought about by what it says."""

from typing import Any

import pytest

from tests.core.scoring.judging import ALIKE, CLASSES, compared, slides, tile
from unet_studio.core.scoring.comparison_sentences import comparison_sentences
from unet_studio.core.scoring.gate import judge_compared
from unet_studio.protocol.values import Compared, ComparedTile, Corrections

UP = slides([0.8, 0.7, 0.9, 0.85, 0.75], [0.84, 0.75, 0.93, 0.9, 0.79])
DOWN = slides([0.84, 0.75, 0.93, 0.9, 0.79], [0.8, 0.7, 0.9, 0.85, 0.75])
SAME = slides([0.8, 0.7, 0.9, 0.85, 0.75], [0.84, 0.66, 0.93, 0.81, 0.77])


def said(tiles: list[ComparedTile], *, left_out: tuple[str, ...] = (), unknown: tuple[str, ...] = (), **of: Any) -> str:
    two = Compared("new", CLASSES, compared(tiles, **of), left_out, unknown)
    return "\n".join(comparison_sentences(two, judge_compared(two), {"old": "Old one", "new": "New one"}))


@pytest.mark.parametrize(
    ("sentences", "says"),
    [
        (said(UP), "'New one' is better than 'Old one': Dice 0.8420 on the hold-out, against 0.8000 (difference +0.0"),
        (said(DOWN), "'New one' is worse than 'Old one': Dice 0.8000 on the hold-out, against 0.8420"),
        (said(SAME), "'Old one' and 'New one' are too close to call: Dice 0.8020"),
        (
            said(slides([0.8, 0.9, 0.7, 0.8, 0.9], [0.9, 0.6, 0.8, 0.9, 1.0])),
            "On 1 of 5 held-out slides the Dice of 'New one' is lower by more than 0.1.",
        ),
        (said(UP, proposed=28_000), "Of 50,000 held-out pixels 28,000 are as a model proposed them."),
        (said([]), "can't tell which of 'Old one' and 'New one' is better: no plane of a held-out slide is reviewed"),
        (said([], left_out=("a.png",)), "no held-out slide is reviewed from which neither of them learned"),
        (said(UP, left_out=("a.png", "b.png")), "Left out: a.png and b.png, since one of the two learned from there."),
        (said(UP, left_out=tuple("abcdef")), "Left out: a, b, c and 3 more, since"),
        (said(UP, unknown=("old",)), "It is not known which slides 'Old one' learned from; where it did, it looks"),
        (
            said(UP, learned_strokes=Corrections(8000, 300, 290, 7), learned_whole=Corrections(1000, 100, 90, 0)),
            "Of 9,000 labelled pixels on slides that are not held out 'Old one' has 400 wrong and 'New one' 27.",
        ),
        (
            said(UP, elsewhere=((8900, 0), (1070, 30))),
            "spot area on 8 of the 31 slides that nobody labelled −97 %, Dice of the two 0.05.",
        ),
        (said([tile("a.png", 1, 1, spot=0)] * 3), "the held-out slides have no spot (Dice –)"),
    ],
)
def test_every_sentence(sentences: str, says: str) -> None:
    assert says in sentences


def test_what_nobody_can_know_is_not_said() -> None:
    sentences = said(UP, learned_strokes=Corrections(0, 0, 0, 0), elsewhere=((0, 0), (0, 0)))
    assert sentences.count("\n") == 0, "the verdict alone"
    assert "Left out" not in said(UP) and "not known" not in said(UP)


@pytest.mark.parametrize(("before", "after"), [(0.6, 0.9), (0.9, 0.6)])
def test_tiles_of_one_slide_settle_it_neither_way(before: float, after: float) -> None:
    tiles = [tile("a.png", before, after), tile("a.png", before, after - 0.01), tile("a.png", before, after)]
    assert "are too close to call" in said(tiles)


def test_the_order_of_the_two_turns_the_verdict_around() -> None:
    backwards = [ComparedTile(of.slide, of.after, of.before) for of in UP]
    assert said(UP, elsewhere=ALIKE).startswith("'New one' is better")
    assert said(backwards, elsewhere=ALIKE).startswith("'New one' is worse")
