"""Which device is used, and a reason that a person can act on."""

import os

import pytest

from unet_studio.unet import device
from unet_studio.unet.device import find_device


def test_without_a_gpu_the_reason_names_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_gpus", lambda backend: [])
    found = find_device()
    assert (found.kind, found.name) == ("CPU", f"CPU, {os.cpu_count()} cores")
    assert "unet-studio[" in found.reason or "build for your card" in found.reason


def test_the_first_gpu_is_used_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_gpus", lambda backend: ["Card A", "Card B"])
    found = find_device()
    assert (found.kind, found.name) == ("GPU", "Card A")
    assert "2 GPU(s)" in found.reason
