"""The gate lets no model in the active one's place that isn't better, or harmless; and says why."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.scoring.judging import ALIKE, CLASSES, NOTHING, compared, confusion, retrained, slides, tile
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, TooClose, Verdict
from unet_studio.protocol.values import ComparedTile, Comparison, Corrections, Round

BEFORE = (0.80, 0.70, 0.90, 0.85, 0.75, 0.82)
CLEARLY_UP = tuple(dice + gain for dice, gain in zip(BEFORE, (0.04, 0.05, 0.03, 0.05, 0.04, 0.03), strict=True))
UP_AND_DOWN = tuple(dice + gain for dice, gain in zip(BEFORE, (0.05, -0.05, 0.05, -0.05, 0.04, -0.02), strict=True))
FORGOTTEN = ((8900, 0), (1080, 20))
FLOODED = ((1900, 7000), (0, 1100))


def judged(comparison: Comparison | None, *, rival: str = "old", **options: Any) -> Judgement:
    return judge_model(retrained(comparison), classes=CLASSES, rival=rival, **options)


@pytest.mark.parametrize(
    ("after", "verdict"), [(CLEARLY_UP, Verdict.BETTER), (UP_AND_DOWN, Verdict.TOO_CLOSE), (BEFORE, Verdict.TOO_CLOSE)]
)
def test_the_interval_over_slides_decides(after: tuple[float, ...], verdict: Verdict) -> None:
    found = judged(compared(slides(BEFORE, after)))
    assert found.verdict is verdict
    assert (found.slides, found.units, found.over_tiles, found.pixels) == (6, 6, False, 60_000)
    assert found.dice_before == pytest.approx(sum(BEFORE) / 6)
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_worse_is_never_used_and_better_always() -> None:
    worse = compared(slides(CLEARLY_UP, BEFORE))
    better = compared(slides(BEFORE, CLEARLY_UP), elsewhere=NOTHING, learned_strokes=Corrections(100, 100, 0, 0))
    for rule in TooClose:
        assert judged(worse, rule=rule).verdict is Verdict.WORSE
        assert not judged(worse, rule=rule).is_adopted
        assert judged(better, rule=rule).is_adopted


@pytest.mark.parametrize(
    ("before", "after", "verdict", "is_adopted"),
    [(BEFORE, CLEARLY_UP, Verdict.TOO_CLOSE, True), (CLEARLY_UP, BEFORE, Verdict.WORSE, False)],
    ids=["up", "down"],
)
def test_one_slide_speaks_against_a_model_but_not_for_it(
    before: tuple[float, ...], after: tuple[float, ...], verdict: Verdict, is_adopted: bool
) -> None:
    found = judged(compared([tile("a.png", b, a) for b, a in zip(before, after, strict=True)]))
    assert (found.verdict, found.slides, found.units, found.over_tiles) == (verdict, 1, 6, True)
    assert found.is_adopted == is_adopted


@pytest.mark.parametrize(("gain", "is_adopted"), [(-0.004, True), (-0.03, False)])
def test_what_falls_on_the_hold_out_is_not_used_though_it_may_be_chance(gain: float, is_adopted: bool) -> None:
    after = [dice + gain + wobble for dice, wobble in zip(BEFORE, (0.05, -0.05, 0.05, -0.05, 0.05, -0.05), strict=True)]
    found = judged(compared(slides(BEFORE, after)))
    assert (found.verdict, found.is_adopted) == (Verdict.TOO_CLOSE, is_adopted)


@pytest.mark.parametrize("tiles", [[], slides([0.5], [0.9])], ids=["nothing vouched for", "one tile"])
def test_what_nobody_vouched_for_judges_nothing(tiles: list[Any]) -> None:
    assert judged(compared(tiles)).verdict is Verdict.NOT_JUDGED


def test_a_hold_out_without_a_class_cannot_judge_it() -> None:
    empty = [tile(f"{n}.png", 1.0, 1.0, spot=0) for n in range(6)]
    found = judged(compared(empty))
    assert (found.verdict, found.missing) == (Verdict.NOT_JUDGED, ("spot",))
    assert math.isnan(found.dice_before)
    assert math.isnan(found.dice_after)


@pytest.mark.parametrize(
    "comparison",
    [
        compared(slides(BEFORE, CLEARLY_UP), elsewhere=FORGOTTEN),
        compared(elsewhere=FORGOTTEN),
        compared(elsewhere=NOTHING, unlabelled=FORGOTTEN),
        compared(slides(BEFORE, CLEARLY_UP), elsewhere=FLOODED),
    ],
    ids=["though better on the hold-out", "not judged", "on the labelled slides", "all is spot"],
)
def test_a_class_that_is_forgotten_elsewhere_stops_it_alone(comparison: Comparison) -> None:
    for rule in TooClose:
        found = judged(comparison, rule=rule)
        assert (found.verdict, found.is_adopted) == (Verdict.CHANGES_ELSEWHERE, False)


def test_a_change_that_reviewing_accounts_for_is_no_harm() -> None:
    """Of what the model before proposed reviewers left a twentieth, so elsewhere as much may go."""
    learned = [ComparedTile("a.png", ((8000, 1900), (0, 100)), ((9900, 0), (0, 100)))]
    assert judged(compared(elsewhere=((8900, 0), (1045, 55)), learned=learned)).is_adopted
    assert not judged(compared(elsewhere=((8900, 0), (1045, 55)))).is_adopted


@pytest.mark.parametrize(
    ("comparison", "is_adopted"),
    [
        (compared(), True),
        (compared(learned_strokes=Corrections(1000, 400, 100, 0)), False),
        (compared(learned_strokes=Corrections(1000, 40, 39, 200)), False),
        (compared(learned_strokes=Corrections(1000, 40, 10, 5)), True),
        (compared(learned_strokes=Corrections(1000, 0, 0, 0)), True),
        (compared(learned_whole=Corrections(9000, 400, 90, 50)), True),
        (compared(learned_whole=Corrections(9000, 400, 90, 91)), False),
        (compared(elsewhere=((8000, 900), (0, 1100))), False),
        (compared(elsewhere=((8700, 200), (10, 1090))), True),
        (compared(elsewhere=((8680, 220), (220, 880))), False),
        (compared(elsewhere=((8680, 220), (220, 880)), learned=slides([0.8], [0.9])), True),
        (compared(elsewhere=((9992, 4), (4, 0))), True),
    ],
    ids=[
        "corrections right, nothing else changes", "corrections wrong", "others spoiled", "nearly all was right before",
        "all confirmed", "borders a little better", "borders a little worse",
        "grows by four fifths", "grows by a sixth", "in other places",
        "as far off as the model before was", "too rare to say",
    ],
)  # fmt: skip
def test_what_is_too_close_is_used_if_corrections_are_kept(comparison: Comparison, is_adopted: bool) -> None:
    found = judged(comparison)
    assert (found.verdict, found.is_adopted) == (Verdict.NOT_JUDGED, is_adopted)
    assert judged(comparison, rule=TooClose.ALWAYS).is_adopted
    assert not judged(comparison, rule=TooClose.NEVER).is_adopted


def test_what_was_accepted_in_bulk_is_told_apart_and_counts_for_nothing() -> None:
    found = judged(compared(slides(BEFORE, UP_AND_DOWN), in_bulk=tuple(slides([1.0] * 9, [0.2] * 9))))
    assert found.verdict is Verdict.TOO_CLOSE
    pixels, before, after = found.in_bulk
    assert (pixels, before, after) == (90_000, 1.0, pytest.approx(0.2))


@pytest.mark.parametrize(
    ("others", "rival", "verdict"),
    [
        ({"classes": ("background", "nucleus")}, "old", Verdict.OTHER_CLASSES),
        ({"is_compared": False}, "old", Verdict.OTHER_RIVAL),
        ({}, "chosen meanwhile", Verdict.OTHER_RIVAL),
        ({"is_compared": False}, "", Verdict.FIRST),
        ({}, "", Verdict.FIRST),
    ],
)
def test_what_it_is_not_comparable_with(others: dict[str, Any], rival: str, verdict: Verdict) -> None:
    comparison = compared(slides(BEFORE, CLEARLY_UP)) if others.pop("is_compared", True) else None
    found = judge_model(retrained(comparison, **others), classes=CLASSES, rival=rival)
    assert (found.verdict, found.is_adopted) == (verdict, verdict is Verdict.FIRST)


def test_a_training_stopped_in_its_first_round_is_not_used() -> None:
    better = compared(slides(BEFORE, CLEARLY_UP))
    rounds = tuple(Round(number, 9, 0.5, 0.5, 1.0, kept=True) for number in range(3))
    for stopped_in, verdict in ((1, Verdict.STOPPED), (2, Verdict.BETTER)):
        trained = retrained(better, stopped=True, history=rounds[: stopped_in + 1])
        assert judge_model(trained, classes=CLASSES, rival="old").verdict is verdict


@pytest.mark.parametrize(
    ("rounds", "rival"),
    [((Round(0, 1, 0.5, 0.5, 1.0, kept=True), Round(1, 1, 0.5, 0.4, 1.0, kept=False)), "old"),
     ((Round(0, 1, 0.5, 0.0, 1.0, kept=True), Round(1, 1, 0.5, 0.0, 1.0, kept=True)), "")],
    ids=["no round was better", "a first model that finds nothing"],
)  # fmt: skip
def test_a_training_that_learned_nothing_is_not_used(rounds: tuple[Round, ...], rival: str) -> None:
    trained = retrained(compared(slides(BEFORE, CLEARLY_UP)), history=rounds)
    assert judge_model(trained, classes=CLASSES, rival=rival).verdict is Verdict.LEARNED_NOTHING


dices = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8)


@given(dices, st.sampled_from([ALIKE, FORGOTTEN, FLOODED]), st.sampled_from(list(TooClose)))
def test_nothing_is_used_that_is_worse_or_forgets(pairs: list[Any], elsewhere: Any, rule: TooClose) -> None:
    tiles = [tile(f"{n}.png", before, after) for n, (before, after) in enumerate(pairs)]
    found = judged(compared(tiles, elsewhere=elsewhere), rule=rule)
    if found.is_adopted:
        assert elsewhere == ALIKE
        assert not found.difference.high < 0
    if found.verdict is Verdict.BETTER:
        assert found.dice_after > found.dice_before


def test_the_helper_makes_the_dice_that_it_says() -> None:
    assert judged(compared(slides([0.3] * 5, [0.7] * 5))).dice_after == pytest.approx(0.7)
    assert confusion(1.0) == ((9000, 0), (0, 1000))


@pytest.mark.parametrize("kind", ["learned", "judged"])
@pytest.mark.parametrize(("fallen", "of", "is_torn"), [(2, 5, True), (1, 5, False), (1, 2, True), (1, 1, True)])
def test_what_is_much_worse_on_many_slides_is_not_used_whatever_it_gains_on_others(
    kind: str, fallen: int, of: int, is_torn: bool
) -> None:
    tiles = slides([0.9] * fallen + [0.1] * (of - fallen), [0.5] * fallen + [0.9] * (of - fallen))
    few = tile("few.png", 1.0, 0.0, spot=100)  # of so few pixels nothing follows
    found = judged(compared(**{kind: [*tiles, few]}), rule=TooClose.ALWAYS)
    assert (found.verdict is Verdict.TORN, found.is_adopted) == (is_torn, not is_torn)
