"""A comparison of any two models in sentences, the same in the window and on the command line."""

from collections.abc import Mapping

from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.scoring.verdict_sentences import area_change, figures, of_hold_out, why_not_judged
from unet_studio.core.wording import name_some
from unet_studio.protocol.values import Compared, Corrections


def comparison_sentences(compared: Compared, judgement: Judgement, titles: Mapping[str, str]) -> tuple[str, ...]:
    """What is said of two models, a sentence each, the verdict first; `titles` are those of models by their id."""
    first, second = (f"'{titles.get(model, model)}'" for model in (judgement.rival, judgement.model))
    found = [_headline(compared, judgement, first, second)]
    if compared.left_out:
        found.append(f"Left out: {name_some(compared.left_out)}, since one of the two learned from there.")
    found += [
        f"It is not known which slides '{titles.get(model, model)}' learned from; where it did, it looks better than "
        "it is."
        for model in compared.unknown
    ]
    found += of_hold_out(judgement)
    fallen, of = judgement.fallen_judged
    if fallen:
        found.append(f"On {fallen} of {of} held-out slides the Dice of {second} is lower by more than 0.1.")
    labelled, wrong_before, wrong_after = _mistakes(judgement.learned_strokes, judgement.learned_whole)
    if labelled:
        found.append(
            f"Of {labelled:,} labelled pixels on slides that are not held out {first} has {wrong_before:,} wrong and "
            f"{second} {wrong_after:,}."
        )
    seen = [area_change(change, judgement) for change in judgement.changes if change.is_seen]
    if seen:
        found.append(f"From {first} to {second}: {'; '.join(seen)}.")
    return tuple(found)


def _headline(compared: Compared, judgement: Judgement, first: str, second: str) -> str:
    match judgement.verdict:
        case Verdict.BETTER:
            return f"{second} is better than {first}: {figures(judgement, before='against')}."
        case Verdict.WORSE:
            return f"{second} is worse than {first}: {figures(judgement, before='against')}."
        case Verdict.TOO_CLOSE:
            return f"{first} and {second} are too close to call: {figures(judgement, before='against')}."
    if not judgement.pixels and compared.left_out:
        why = "no held-out slide is reviewed from which neither of them learned; review one of them as a whole"
    else:
        why = why_not_judged(judgement)
    return f"The hold-out can't tell which of {first} and {second} is better: {why}."


def _mistakes(*labels: Corrections) -> tuple[int, int, int]:
    """How many labelled pixels there are, and how many of them the first and the second model have wrong."""
    wrong_after = sum(of.wrong - of.mended + of.spoiled for of in labels)
    return sum(of.labelled for of in labels), sum(of.wrong for of in labels), wrong_after
