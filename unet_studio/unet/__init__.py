"""The U-Net on Keras 3: architecture, recipes, tiled prediction, training. No Qt."""

import os

# A window has two workers, and commands run beside it: none of them may take a whole card at its start.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
