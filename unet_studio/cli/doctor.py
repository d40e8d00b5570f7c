"""The command `doctor`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.options import Json, Place
from unet_studio.cli.rendering.doctor import doctor_text
from unet_studio.cli.terminal import answer, fail_if, quiet_stderr
from unet_studio.errors import StudioError


def doctor(
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pack the answer and the window's logs, for who shall help.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With --bundle: pack facts about this folder's project, too.")
    ] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Say what is installed, what is missing, and how fast it is.

    With --bundle all that helps to find out what went wrong is packed in one .zip: this answer, the logs of the window,
    and with --folder how many slides there are, whether the project is whole, and the cards of its models. Nothing of
    what slides or labels show is in it, but names of folders and slides are.
    """
    from unet_studio.doctor import examine
    from unet_studio.doctor_bundle import write_doctor_bundle

    if bundle is not None and bundle.exists():
        raise StudioError(f"There is a file '{bundle}' already, and nothing is written over it. Choose another name.")
    typer.echo("Looking and measuring; this takes about half a minute.", err=True)
    with quiet_stderr():
        report = examine()
    content, text = asdict(report), doctor_text(report)
    if bundle is not None:
        write_doctor_bundle(report, bundle, folder=folder, place=project)
        content["bundle"] = str(bundle)
        text += f"\n'{bundle}' is written. It holds names of folders and slides; look into it before you send it."
    answer(content, as_json=as_json, text=text)
    fail_if(report.problem)
