"""Which device is used, and a reason that a person can act on."""

import os

import pytest

from unet_studio.unet import device
from unet_studio.unet.device import fastest_policy, find_device


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


@pytest.fixture
def tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever backend the tests run on, ask as if it were TensorFlow."""
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ({"avx2"}, "float32"),
        ({"avx2", "avx512_bf16"}, "mixed_bfloat16"),
        ({"amx_bf16"}, "mixed_bfloat16"),
        (set(), "float32"),
    ],
)
def test_bfloat16_is_for_cpus_that_multiply_it(monkeypatch: pytest.MonkeyPatch, flags: set[str], policy: str) -> None:
    monkeypatch.setattr(device, "_cpu_flags", lambda: flags)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: [])
    assert fastest_policy() == policy


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize(("capability", "policy"), [((7, 5), "float32"), ((8, 0), "mixed_bfloat16")])
def test_bfloat16_is_for_gpus_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], policy: str
) -> None:
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: ["card"])
    details = {"compute_capability": capability}
    monkeypatch.setattr("tensorflow.config.experimental.get_device_details", lambda _: details)
    assert fastest_policy() == policy
