"""Which device is used, and a reason that a person can act on."""

import os

import keras
import pytest

from unet_studio.unet import device
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.device import fastest_policy, find_device, has_gpu
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture


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


@pytest.mark.usefixtures("tensorflow")
def test_tensorflow_compiles_no_network_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_with_a_gpu(_: keras.Model) -> bool:
        return True

    monkeypatch.setattr("keras.Model._resolve_auto_jit_compile", as_with_a_gpu)
    architecture = Architecture(depth=1, width=2)
    network = build_unet(architecture, channels=1, classes=2)
    network.compile()
    assert network.jit_compile, "or this test can't fail"
    predictor = Predictor(network, architecture)
    assert not network.jit_compile
    assert not predictor._model.jit_compile


class TestPyTorch:
    """What it is asked about a card, on whatever backend the tests run."""

    @pytest.fixture(autouse=True)
    @classmethod
    def pytorch(cls) -> None:
        pytest.importorskip("torch")

    @pytest.mark.parametrize(
        ("kind", "names"), [("cpu", []), ("mps", ["MPS"]), ("xpu", ["XPU"]), ("cuda", ["Card A", "Card B"])]
    )
    def test_the_device_is_where_keras_puts_tensors(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, names: list[str]
    ) -> None:
        monkeypatch.setattr("keras.backend.backend", lambda: "torch")
        monkeypatch.setattr(device, "_torch_device", lambda: kind)
        monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
        monkeypatch.setattr("torch.cuda.get_device_name", lambda index: ["Card A", "Card B"][index])
        assert device._gpus("torch") == names
        assert has_gpu() == bool(names)
