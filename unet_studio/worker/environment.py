"""What a process asks of TensorFlow, before it is imported."""

import os


def make_training_fast() -> None:
    """Use oneDNN also on processors without AVX-512, where TensorFlow leaves it off by itself.

    There it makes a training step 1.3 to 1.5 times as fast, but a proposal 1.5 times as slow, so it is for processes
    that train. Does nothing where the user has decided.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
