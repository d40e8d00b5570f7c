"""The command `bundle`: one archive from which the last training can be done again."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.terminal import TerminalReporter, answer
from unet_studio.core.wording import counted
from unet_studio.usecases.bundle import write_bundle


def bundle(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The archive, a .zip.", show_default=False)],
    with_slides: Annotated[bool, typer.Option("--with-slides", help="Put the slides themselves into it, too.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Write one archive from which the last training can be done again.

    It holds labels, hold-out, recipe and seed, the model with its card and curves, the model that it started from, the
    proposals that lie under corrections, and digests of the slides or the slides themselves. It doesn't hold other
    models, or proposals of slides that nobody labelled.

    'retrain FOLDER --from-bundle FILE' makes a project of it, in which the masks of corrected and reviewed slides are
    as they were, trains again, and says whether the scores are the same, within 0.5 points of Dice.
    """
    with open_project(folder, project, write=False) as opened, TerminalReporter("Bundling") as reporter:
        bundled = write_bundle(opened, out.resolve(), with_slides=with_slides, progress=reporter)
    slides = counted(bundled.slides, "slide")
    what = slides if with_slides else f"the digests of {slides}"
    text = f"'{out}' has all that '{bundled.model}' was trained by, and {what}."
    if not bundled.is_as_trained:
        text += " The labels have changed since it was trained, so its scores may not come out the same."
    answer({**asdict(bundled), "file": str(bundled.file)}, as_json=as_json, text=text)
