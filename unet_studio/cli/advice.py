"""The command `advise`: a clean-up that would have saved most of the corrections."""

from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.advice import advice_content, advice_text
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.usecases.cleaning.advise import advise as find_advice
from unet_studio.usecases.cleaning.advise import use_advice


def advise(
    folder: Folder,
    use: Annotated[bool, typer.Option("--use", help="Use what is found, as an edit that can be undone.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Find the threshold and clean-up that would have saved most of your corrections.

    Judged on reviewed slides that aren't on the hold-out or in the audit sample, each by a recipe that was chosen
    without it. That nothing better was found is an answer, too (exit code 0).
    """
    with open_project(folder, project, write=use) as opened:
        with TerminalReporter("Looking for a better clean-up") as reporter:
            advice = find_advice(opened, progress=reporter)
        is_used = use and advice.is_better
        if is_used:
            use_advice(opened, advice)
    content = {**advice_content(advice, is_used=is_used), "failed": reporter.problems}
    answer(content, as_json=as_json, text=advice_text(advice, is_used=is_used))
    fail_if(reporter.problems)
