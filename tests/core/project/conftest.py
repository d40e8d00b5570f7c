"""What tests of the project share: another process that writes to it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

Elsewhere = Callable[[Path], AbstractContextManager["subprocess.Popen[str]"]]


@pytest.fixture
def writing_elsewhere() -> Elsewhere:
    """A second Python that is the one to write at a place, until the test or its own end lets it go."""
    return _write_elsewhere


@contextmanager
def _write_elsewhere(place: Path) -> Iterator["subprocess.Popen[str]"]:
    code = (
        "import sys, pathlib; from unet_studio.core.project.lock import writing\n"
        "with writing(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()
