"""Which device the network runs on, and why."""

import os
from dataclasses import dataclass

import keras


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


def use_deterministic_operations() -> None:
    """Have this process compute the same thing bit for bit each time, from now on; some operations get slower."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


def _gpus(backend: str) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        for gpu in found:  # or the first process takes the whole card
            tf.config.experimental.set_memory_growth(gpu, True)
        return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in found]
    if backend == "torch":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    import jax

    return [device.device_kind for device in jax.devices() if device.platform in ("gpu", "cuda", "rocm")]


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
