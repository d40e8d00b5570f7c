"""The command `doctor`."""

from dataclasses import asdict

import typer

from unet_studio.cli.options import Json
from unet_studio.cli.rendering.doctor import doctor_text
from unet_studio.cli.terminal import answer, fail_if, quiet_stderr


def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and how fast it is."""
    from unet_studio.doctor import examine

    typer.echo("Looking and measuring; this takes about half a minute.", err=True)
    with quiet_stderr():
        report = examine()
    answer(asdict(report), as_json=as_json, text=doctor_text(report))
    fail_if(report.problem)
