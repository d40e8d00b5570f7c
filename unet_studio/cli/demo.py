"""The command `demo`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.options import Json
from unet_studio.cli.rendering.demo import demo_content, demo_text
from unet_studio.cli.terminal import TerminalReporter, answer


def demo(
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to keep the demo.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Run the whole loop without a window.")] = False,
    as_json: Json = False,
) -> None:
    """Open the bundled slides with a bundled model.

    With --headless, the whole loop runs on them: propose, clean up, correct, retrain, propose again, export.
    """
    if not headless:
        from unet_studio.app import open_window
        from unet_studio.demo.slides import prepare_demo

        raise typer.Exit(open_window(prepare_demo(folder)))
    from unet_studio.demo.loop import run_headless

    target = folder or Path(tempfile.mkdtemp(prefix="unet-studio-demo-"))
    engine = load_engine(trains=True)
    with TerminalReporter("Starting") as reporter:
        report = run_headless(target, reporter, engine)
    answer(demo_content(report), as_json=as_json, text=demo_text(report))
