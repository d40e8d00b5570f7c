"""The command `repeat`: how well a person agrees with themself."""

from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.reporting import agreement_content, dealt_text, repeat_text, slide_content
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.usecases.reporting.repeat import compare as compare_labellings
from unet_studio.usecases.reporting.repeat import deal


def repeat(
    folder: Folder,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Deal this share of the reviewed slides.")] = 0.1,
    slides: Annotated[int | None, typer.Option(min=1, metavar="N", help="Deal so many slides instead.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    with_proposals: Annotated[
        bool, typer.Option("--with-proposals", help="Deal the active model's proposals too, to begin with.")
    ] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Compare both labellings of what was dealt.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Deal reviewed slides again, blinded: fresh copies under neutral names, to be labelled a second time.

    Open the folder that it names as any other, label and review its slides; then --compare says how well both
    labellings agree: Dice, objects and counts, for each slide and pooled. Which slide is which only the project knows.
    No proposals are dealt, since two labellings that begin with the same one agree on what it got wrong;
    --with-proposals deals them. --compare says how many slides were labelled again on a proposal.
    """
    if not compare:
        with open_project(folder, project, write=True) as opened:
            dealt = deal(opened, share=share, slides=slides, seed=seed, with_proposals=with_proposals)
        content = {"folder": str(dealt.folder), "slides": list(dealt.names), "proposed": dealt.proposed}
        answer(content, as_json=as_json, text=dealt_text(dealt))
        return
    if with_proposals:
        raise typer.BadParameter("it says what is dealt; leave it out with --compare.", param_hint="--with-proposals")
    with open_project(folder, project, write=False) as opened, TerminalReporter("Comparing") as reporter:
        repeated = compare_labellings(opened, progress=reporter)
    content = {
        "slides": [slide_content(one) for one in repeated.slides], "on_proposals": list(repeated.on_proposals),
        "waiting": list(repeated.waiting),
        "pooled": agreement_content(repeated.pooled) if repeated.slides else None, "failed": reporter.problems,
    }  # fmt: skip
    answer(content, as_json=as_json, text=repeat_text(repeated))
    fail_if(reporter.problems)
