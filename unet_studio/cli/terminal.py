"""The terminal: progress and problems on stderr, answers on stdout, exit codes."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from unet_studio.cli.rendering.text import Text, to_json
from unet_studio.cli.rendering.training import round_text
from unet_studio.core.slides.finding import find_left_out
from unet_studio.protocol.values import Event, PhaseBegan, Preparing, Round, SlideFailed

_WIDTH = 120
"""The width of tables where the output is no terminal but a file or a pipe."""


class TerminalReporter:
    """The progress reporter of a command: a bar on stderr if that is a terminal.

    Ctrl+C asks the job to stop, twice ends it at once. `problems` collects what went wrong with single slides.
    """

    def __init__(self, title: str) -> None:
        self.problems: list[dict[str, str]] = []
        console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=1.0, detail="")
        self._stopped = False
        self._earlier: Any = None

    def __enter__(self) -> Self:
        self._earlier = signal.signal(signal.SIGINT, self._stop)
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
        signal.signal(signal.SIGINT, self._earlier)

    def report(self, done: float, text: str) -> None:
        """`done` is the share finished, 0…1."""
        self._progress.update(self._task, completed=done, detail=text)

    def event(self, event: Event) -> None:
        """Print what finished, or failed, meanwhile."""
        match event:
            case SlideFailed(slide, reason):
                self.problem(slide, reason)
            case PhaseBegan(title):
                self._progress.reset(self._task, description=title, detail="")
            case Preparing(slide, number, planes):
                self._progress.update(self._task, detail=f"reading labelled plane {number} of {planes}, {slide}")
            case Round():
                self.say(round_text(event))

    def cancelled(self) -> bool:
        """Whether Ctrl+C was pressed."""
        return self._stopped

    def problem(self, slide: str, reason: str) -> None:
        """Say and keep what is wrong with one slide."""
        self.problems.append({"slide": slide, "problem": reason})
        self.say(f"{slide}: {reason}")

    def tell_left_out(self, folder: Path) -> None:
        """Say and keep which files of a folder can't be used, and why."""
        for one in find_left_out(folder):
            self.problem(one.path, f"Left out: {one.reason}.")

    def say(self, text: str) -> None:
        """Write a line to stderr, above the bar."""
        self._progress.console.print(text)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True
        signal.signal(signal.SIGINT, self._earlier)
        self.say("Stopping after this step; press Ctrl+C again to stop at once.")


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what libraries write to stderr below Python, as TensorFlow does when it loads; shown only if that fails."""
    with tempfile.TemporaryFile() as kept, os.fdopen(os.dup(2), "wb") as stderr:
        sys.stderr.flush()
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            stderr.write(kept.read())
            raise
        finally:
            os.dup2(stderr.fileno(), 2)


def answer(content: dict[str, Any], *, as_json: bool, text: Text) -> None:
    """Write a command's answer to stdout: one JSON object, or text and tables."""
    if as_json:
        typer.echo(to_json(content))
        return
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=_WIDTH)
    for part in [text] if isinstance(text, str | Table) else text:
        console.print(part, soft_wrap=isinstance(part, str))


def fail_if(problem: object) -> None:
    """End the command with exit code 1 where there is a problem."""
    if problem:
        raise typer.Exit(1)
