"""`doctor` measures, and names what is missing."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from unet_studio import doctor
from unet_studio.core.models.cards import ModelCard

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def test_the_doctor_measures_and_names_what_is_missing(
    run: Run, ask: Ask, monkeypatch: pytest.MonkeyPatch, bright: ModelCard
) -> None:
    monkeypatch.setattr(doctor, "bundled_models", lambda: [bright])
    monkeypatch.setattr(doctor, "_QT_LIBRARIES", {"libc.so.6": "libc6", "libnowhere.so.9": "libnowhere9"})
    content = ask("doctor")
    assert content["versions"]["unet-studio"]
    assert content["network"]["proposal_seconds"] > 0
    assert content["network"]["step_seconds"] > 0
    if sys.platform == "linux":
        assert content["missing_packages"] == ["libnowhere9"]
        assert "sudo apt-get install libnowhere9" in run("doctor").stdout


def test_a_network_that_cant_be_loaded_is_a_finding(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("a part is missing")

    monkeypatch.setattr(doctor, "_examine_network", fail)
    assert "a part is missing" in ask("doctor", exit_code=1)["problem"]
