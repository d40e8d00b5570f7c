"""What the tests of the commands share: running them, and a folder of slides that is proposed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from unet_studio.cli.app import app
from unet_studio.core.models.cards import ModelCard

Mask = NDArray[np.uint8]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _ask(*arguments: object, exit_code: int = 0) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert result.exit_code == exit_code, result.stderr
    content = json.loads(result.stdout)
    assert isinstance(content, dict)
    return content


def _refused(*arguments: object) -> str:
    result = _run(*arguments)
    assert result.exit_code == 1
    assert not result.stdout
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command; what it wrote, and its exit code."""
    return _run


@pytest.fixture
def ask() -> Callable[..., dict[str, Any]]:
    """The one JSON object that a command answers with."""
    return _ask


@pytest.fixture
def refused() -> Callable[..., str]:
    """The sentence with which a command refuses; nothing is on stdout, and nobody sees a traceback."""
    return _refused


@pytest.fixture
def truth(tmp_path: Path, truths: dict[str, Mask]) -> Path:
    for slide, mask in truths.items():
        file = tmp_path / "truth" / slide
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), mask * 255)
    return tmp_path / "truth"


@pytest.fixture
def proposed(folder: Path, bright: ModelCard) -> Path:
    """The folder of slides, proposed."""
    _ask("propose", folder, "--model", bright.folder)
    return folder
