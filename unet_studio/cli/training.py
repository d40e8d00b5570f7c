"""The commands about models: `retrain` and `models`."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.options import Changes, Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.training import models_content, models_text, retrain_content, retrain_text
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.models.cards import bundled_models, find_model, project_models
from unet_studio.core.project.active_model import active_model, use_model
from unet_studio.protocol.values import RetrainJob
from unet_studio.usecases.adopt import adopt


class ModelsAction(StrEnum):
    """What to do with a project's models."""

    LIST = "list"
    USE = "use"
    SHEET = "sheet"


def retrain(
    folder: Folder,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of the training; else retrain, or from-scratch without a model.")
    ] = "",
    changes: Changes = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Don't start from the active model.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training that was interrupted last.")
    ] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Retrain the project's model on all that is labelled, or train its first one.

    Ctrl+C ends the training and keeps what was learned so far. The new model becomes the active one if it is better on
    the hold-out; where that can't tell, if most of what was corrected is right in it and nothing else changes much, or
    as 'models FOLDER rule' says. A training that was interrupted otherwise goes on with --resume, by its own recipe.
    """
    if resume and (recipe or changes or from_scratch):
        raise typer.BadParameter("leave out --recipe, --set and --from-scratch.", param_hint="--resume")
    with open_project(folder, project, write=True) as opened:
        if resume:
            job = RetrainJob(str(opened.folder), str(opened.place), "", resume=True)
        else:
            start = active_model(opened).id if opened.active_model and not from_scratch else ""
            job = RetrainJob(str(opened.folder), str(opened.place), start, recipe, changes or [])
        engine, started = load_engine(), time.monotonic()
        with TerminalReporter("Retraining") as reporter:
            retrained = engine.retrain(job, reporter)
        judgement = adopt(opened, retrained)
        content = retrain_content(
            retrained, judgement, active_model=opened.active_model, hold_out=opened.hold_out(),
            seconds=time.monotonic() - started,
        )  # fmt: skip
    content["failed"] = reporter.problems
    answer(content, as_json=as_json, text=retrain_text(content))
    fail_if(reporter.problems)


def models(
    folder: Folder,
    action: Annotated[
        ModelsAction, typer.Argument(metavar="[list|use|sheet]", help="List the models, use one, or draw one.")
    ] = ModelsAction.LIST,
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Id, path or name of the model.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where 'sheet' puts its pictures.")] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List the models, or choose the one that proposes.

    'sheet' draws a model instead: some labelled planes, their truth and its prediction side by side, and the curves of
    its training.
    """
    if (action is not ModelsAction.LIST) != bool(model) or (action is ModelsAction.SHEET) != (out is not None):
        raise typer.BadParameter("write 'list', 'use' and a model, or 'sheet', a model and --out.", param_hint="ACTION")
    if out is not None:
        _draw_model(folder, project, model, out, as_json=as_json)
        return
    with open_project(folder, project, write=bool(model)) as opened:
        if model:
            use_model(opened, model)
        known = [*project_models(opened.place), *bundled_models()]
        active = opened.active_model
    answer(models_content(known, active), as_json=as_json, text=models_text(known, active))


def _draw_model(folder: Path, place: Path | None, model: str, out: Path, *, as_json: bool) -> None:
    """Write the pictures of a model."""
    load_engine()  # imports Keras without its messages
    from unet_studio.unet.pictures import write_pictures

    with open_project(folder, place, write=False) as opened:
        sheet, curves = write_pictures(opened, find_model(model, opened.place), out)
    answer({"sheet": sheet, "curves": curves}, as_json=as_json, text=f"'{sheet}' and '{curves}' written.")
