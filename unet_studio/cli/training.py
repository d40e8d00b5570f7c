"""The command `retrain`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.options import Changes, Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.training import bundle_text, retrain_content, retrain_text
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.active_model import active_model
from unet_studio.core.scoring.lesson import Lesson, check_can_learn
from unet_studio.protocol.values import RetrainJob
from unet_studio.usecases.adopt import adopt
from unet_studio.usecases.bundle import unpack_bundle


def retrain(
    folder: Folder,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of the training; else retrain, or from-scratch without a model.")
    ] = "",
    changes: Changes = None,
    model: Annotated[
        str, typer.Option(metavar="ID|PATH|NAME", help="Start from this model instead of the active one.")
    ] = "",
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Don't start from the active model.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training that was interrupted last.")
    ] = False,
    from_bundle: Annotated[
        Path | None,
        typer.Option("--from-bundle", metavar="FILE", help="Train as a bundle says, in a folder with the same slides."),
    ] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Retrain the project's model on all that is labelled, or train its first one.

    Ctrl+C ends the training and keeps what was learned so far. The new model becomes the active one if it is better on
    the hold-out; where that can't tell, if most of what was corrected is right in it and nothing else changes much, or
    as 'models FOLDER rule' says. A training that was interrupted otherwise goes on with --resume, by its own recipe.

    With --model it goes on from that one, for example from a model that was just trained and isn't in use: the new
    model is compared with the active one all the same.

    What is labelled so far can teach is said before; a first model that would know one class only isn't trained.

    With --from-bundle a project is made of what 'bundle' wrote, and its model is trained again: the exit code is 1
    where the Dice on the hold-out isn't within 0.5 points of the bundle's.
    """
    if resume and (recipe or changes or from_scratch or model):
        raise typer.BadParameter("leave out --recipe, --set, --model and --from-scratch.", param_hint="--resume")
    if from_scratch and model:
        raise typer.BadParameter("give either a model or --from-scratch.", param_hint="--model")
    if from_bundle is not None:
        if resume or recipe or changes or from_scratch or model:
            raise typer.BadParameter("leave out the other options of the training.", param_hint="--from-bundle")
        _retrain_from_bundle(from_bundle, folder, project, as_json=as_json)
        return
    with open_project(folder, project, write=True) as opened:
        if resume:
            job = RetrainJob(str(opened.folder), str(opened.place), "", resume=True)
        else:
            if model:
                find_model(model, opened.place)  # before the engine is loaded, which takes seconds
            elif opened.active_model and not from_scratch:
                model = active_model(opened).id
            job = RetrainJob(str(opened.folder), str(opened.place), model, recipe, changes or [])
        lesson = Lesson() if resume else check_can_learn(opened, has_start=bool(model))
        engine, started = load_engine(trains=True), time.monotonic()
        with TerminalReporter("Retraining") as reporter:
            for sentence in (*lesson.learned, *lesson.judged):
                reporter.say(sentence)
            retrained = engine.retrain(job, reporter)
        judgement = adopt(opened, retrained)
        content = retrain_content(
            retrained, judgement, active_model=opened.active_model, hold_out=opened.hold_out(),
            seconds=time.monotonic() - started,
        )  # fmt: skip
    content |= {"lesson": lesson.learned, "judged": lesson.judged, "failed": reporter.problems}
    answer(content, as_json=as_json, text=retrain_text(content))
    fail_if(reporter.problems)


def _retrain_from_bundle(file: Path, folder: Path, place: Path | None, *, as_json: bool) -> None:
    unbundled, started = unpack_bundle(file, folder, place), time.monotonic()
    with open_project(folder, place, write=True) as opened:
        engine = load_engine(trains=True)
        with TerminalReporter("Retraining") as reporter:
            retrained = engine.retrain(unbundled.job, reporter)
        judgement = adopt(opened, retrained)
        content = retrain_content(
            retrained, judgement, active_model=opened.active_model, hold_out=opened.hold_out(),
            seconds=time.monotonic() - started,
        )  # fmt: skip
        dice = find_model(retrained.model, opened.place).scores.get("dice")
    is_reproduced = unbundled.is_reproduced(dice)
    content["bundle"] = {
        "model": unbundled.model, "dice": unbundled.dice, "dice_now": dice, "reproduced": is_reproduced,
    }  # fmt: skip
    content["failed"] = reporter.problems
    answer(content, as_json=as_json, text=bundle_text(content["bundle"]))
    fail_if(reporter.problems or not is_reproduced)
