"""The command `models`: a project's models and what can be done with them."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.models import (
    compared_content,
    models_content,
    models_text,
    removed_content,
    removed_text,
)
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.models.cards import bundled_models, find_model, project_models
from unet_studio.core.models.notes import write_note
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.comparison_sentences import comparison_sentences
from unet_studio.core.scoring.gate import judge_compared
from unet_studio.core.scoring.judgement import TooClose
from unet_studio.protocol.values import CompareJob
from unet_studio.usecases.remove_model import remove_model


class ModelsAction(StrEnum):
    """What to do with a project's models."""

    LIST = "list"
    USE = "use"
    COMPARE = "compare"
    REMOVE = "remove"
    NOTE = "note"
    RULE = "rule"
    SHEET = "sheet"


_WORDS = {
    ModelsAction.LIST: "nothing",
    ModelsAction.USE: "a model",
    ModelsAction.COMPARE: "two models",
    ModelsAction.REMOVE: "a model",
    ModelsAction.NOTE: "a model and a text",
    ModelsAction.RULE: f"one of {', '.join(TooClose)}",
    ModelsAction.SHEET: "a model and --out",
}
"""What follows each action."""
_ACTIONS = "|".join(ModelsAction)


def models(
    folder: Folder,
    action: Annotated[ModelsAction, typer.Argument(metavar=f"[{_ACTIONS}]", help="What to do.")] = ModelsAction.LIST,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL…]", help="Id, path or name of the model; a note or a rule.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where 'sheet' puts its pictures.")] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List the models with their date, parent, data and scores, or do something with one.

    'use ID' has it propose; 'compare A B' has both propose the same tiles of the slides that are labelled now, and says
    which is better on the hold-out and what changes where nobody labelled; 'remove ID' removes one of the project that
    isn't in use and that no interrupted training needs, with its proposals; 'note ID TEXT' notes something beside it,
    an empty text nothing more. 'rule if-corrections-kept', 'rule always' or 'rule never' says whether a new model is
    used where the hold-out can't tell whether it is better. 'sheet ID' draws one: some labelled planes, their truth and
    its prediction side by side, and the curves of its training.
    """
    given = words or []
    _check(action, given, out)
    if out is not None:
        _draw_model(folder, project, given[0], out, as_json=as_json)
        return
    if action is ModelsAction.COMPARE:
        _compare_models(folder, project, given[0], given[1], as_json=as_json)
        return
    with open_project(folder, project, write=action is not ModelsAction.LIST) as opened:
        if action is ModelsAction.REMOVE:
            removed = remove_model(opened, given[0])
            answer(removed_content(removed, opened.active_model), as_json=as_json, text=removed_text(removed))
            return
        _CHANGES[action](opened, given)
        known = [*project_models(opened.place), *bundled_models()]
        facts = (known, opened.active_model, TooClose.read(opened.too_close))
    answer(models_content(*facts), as_json=as_json, text=models_text(*facts))


def _use(project: Project, words: Sequence[str]) -> None:
    use_model(project, words[0])


def _note(project: Project, words: Sequence[str]) -> None:
    write_note(find_model(words[0], project.place), " ".join(words[1:]))


def _set_rule(project: Project, words: Sequence[str]) -> None:
    project.set_setting("too_close", words[0])


_CHANGES: dict[ModelsAction, Callable[[Project, Sequence[str]], None]] = {
    ModelsAction.LIST: lambda project, words: None,
    ModelsAction.USE: _use,
    ModelsAction.NOTE: _note,
    ModelsAction.RULE: _set_rule,
}


def _check(action: ModelsAction, words: Sequence[str], out: Path | None) -> None:
    """Raise a usage error unless an action has the words that it needs."""
    count = len(words)
    match action:
        case ModelsAction.LIST:
            fits = count == 0
        case ModelsAction.COMPARE:
            fits = count == 2
        case ModelsAction.NOTE:
            fits = count >= 2
        case ModelsAction.RULE:
            fits = count == 1 and words[0] in [*TooClose]
        case _:
            fits = count == 1
    if not fits or (action is ModelsAction.SHEET) != (out is not None):
        raise typer.BadParameter(f"after '{action}' write {_WORDS[action]}.", param_hint="ACTION")


def _compare_models(folder: Path, place: Path | None, first: str, second: str, *, as_json: bool) -> None:
    """Say which of two models is better; a slide that can't be read is left out, and the command fails."""
    with open_project(folder, place, write=False) as opened:
        titles = {card.id: card.title for card in (find_model(name, opened.place) for name in (first, second))}
        job = CompareJob(str(opened.folder), str(opened.place), first, second)
    engine = load_engine()
    with TerminalReporter("Comparing") as reporter:
        compared = engine.compare(job, reporter)
    judgement = judge_compared(compared)
    sentences = comparison_sentences(compared, judgement, titles)
    content = {**compared_content(compared, judgement, sentences), "failed": reporter.problems}
    answer(content, as_json=as_json, text=sentences)
    fail_if(reporter.problems)


def _draw_model(folder: Path, place: Path | None, model: str, out: Path, *, as_json: bool) -> None:
    """Write the pictures of a model."""
    load_engine()  # imports Keras without its messages
    from unet_studio.unet.pictures import write_pictures

    with open_project(folder, place, write=False) as opened:
        sheet, curves = write_pictures(opened, find_model(model, opened.place), out)
    answer({"sheet": sheet, "curves": curves}, as_json=as_json, text=f"'{sheet}' and '{curves}' written.")
