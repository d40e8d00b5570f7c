"""The U-Net on Keras 3: architecture, recipes, tiled prediction, training. No Qt."""

import os
from importlib.util import find_spec
from pathlib import Path

from unet_studio.errors import StudioError

# A window has two workers, and commands run beside it: none of them may take a whole card at its start.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
# Another program's ~/.keras/keras.json must not decide how arrays are laid out and how precise they are.
os.environ["KERAS_HOME"] = str(Path(__file__).with_name("keras_home"))

_BACKENDS = ("tensorflow", "jax", "torch")
_backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
if _backend not in _BACKENDS or find_spec(_backend) is None:
    raise StudioError(
        f"The environment variable KERAS_BACKEND is '{_backend}', and "
        + ("that isn't installed here" if _backend in _BACKENDS else "U-Net Studio doesn't run on that")
        + f". It may be {', '.join(_BACKENDS[:-1])} or {_BACKENDS[-1]}; without it, TensorFlow is used."
    )
