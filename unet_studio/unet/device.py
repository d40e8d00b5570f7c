"""Which device the network runs on, and why."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

_BFLOAT16 = "mixed_bfloat16"


@dataclass(frozen=True, slots=True)
class Device:
    """`kind` is 'CPU' or 'GPU'; `name` is for the status bar and `reason` one sentence for its tooltip."""

    kind: str
    name: str
    backend: str
    reason: str


def find_device() -> Device:
    """Ask the backend for a GPU; where there is none, say why and what would help."""
    backend = keras.backend.backend()
    gpus = _gpus(backend)
    if gpus:
        return Device("GPU", gpus[0], backend, f"{backend} found {len(gpus)} GPU(s) and uses the first.")
    cores = os.cpu_count() or 1
    return Device("CPU", f"CPU, {cores} cores", backend, _why_no_gpu(backend))


def has_gpu() -> bool:
    """Whether the backend sees a GPU."""
    return bool(_gpus(keras.backend.backend()))


def use_deterministic_operations() -> None:
    """Make this process compute bit-identical results each time, from now on; some operations get slower."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if backend == "torch":
        import torch

        # An operation that can't be deterministic must not end a training.
        torch.use_deterministic_algorithms(True, warn_only=True)


def avoid_xla(network: keras.Model) -> None:
    """Have TensorFlow run the network as it is.

    Where there is a GPU, Keras has XLA compile it otherwise, anew for each shape of a tile or a patch and for seconds
    each time.
    """
    if keras.backend.backend() == "tensorflow":
        network.jit_compile = False


def fastest_policy() -> str:
    """The Keras dtype policy with which a network proposes fastest here: bfloat16 where the hardware multiplies it.

    Weights, logits and probabilities stay float32; masks differ from those of float32 in fewer than one pixel in a
    thousand. Where it isn't known what the hardware does, it is float32.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        on_card = _torch_device() == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return _BFLOAT16 if on_card else "float32"
    if backend != "tensorflow":
        return "float32"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return _BFLOAT16 if capability >= (8, 0) else "float32"
    return _BFLOAT16 if _cpu_flags() & {"avx512_bf16", "amx_bf16"} else "float32"


@contextmanager
def fastest_precision() -> Iterator[None]:
    """Mixed precision: networks built within compute as `fastest_policy` says; their weights stay float32."""
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(fastest_policy())
    try:
        yield
    finally:
        keras.config.set_dtype_policy(usual)


def _cpu_flags() -> set[str]:
    """What Linux says that the CPU can do; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _gpus(backend: str) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in found]
    if backend == "torch":
        import torch

        kind = _torch_device()
        if kind == "cuda":
            return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return [] if kind == "cpu" else [kind.upper()]
    import jax

    return [device.device_kind for device in jax.devices() if device.platform in ("gpu", "cuda", "rocm")]


def _torch_device() -> str:
    """Where Keras puts PyTorch's tensors: cuda, mps (Apple), xpu (Intel) or cpu."""
    return str(keras.ops.zeros(()).device.type)


def _why_no_gpu(backend: str) -> str:
    if backend != "tensorflow":
        return f"{backend} sees no GPU; install its build for your card to use one."
    if os.name == "nt":
        return (
            "TensorFlow has no GPU support on Windows since 2.11; "
            "install unet-studio[torch] and set KERAS_BACKEND=torch, or use WSL2."
        )
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        return "This TensorFlow is built for CPUs; a GPU needs unet-studio[cuda] on Linux."
    return "TensorFlow sees no NVIDIA GPU or its CUDA libraries; where there is a card, install unet-studio[cuda]."
