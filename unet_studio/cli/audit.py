"""The command `audit`: slides kept apart, on which the masks can be judged without bias."""

from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.evaluation import audit_content, audit_text
from unet_studio.cli.terminal import answer
from unet_studio.core.project.audit import draw_audit
from unet_studio.core.slides.finding import find_slides


def audit(
    folder: Folder,
    draw: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Draw so many slides more at random; 0 for one in ten, at least 3 of 15 or more."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List the audit sample, or draw it: slides that no model learns from or is chosen by.

    Draw it before you label: it is drawn from slides that nobody labelled. Then correct and review its slides as all
    others; what the masks are worth can be told from them, whichever slides you chose to work on.
    """
    slides = find_slides(folder)
    with open_project(folder, project, write=draw is not None) as opened:
        drawn = draw_audit(opened, slides, number=draw or None, seed=seed) if draw is not None else frozenset()
        content = audit_content(slides, opened.audit(), drawn, opened.states())
    answer(content, as_json=as_json, text=audit_text(content))
