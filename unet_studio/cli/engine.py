"""The engine of the commands: the worker's jobs, in this process."""

import logging
import os
from typing import TYPE_CHECKING

from unet_studio.cli.terminal import quiet_stderr
from unet_studio.worker.environment import make_training_fast

if TYPE_CHECKING:
    from unet_studio.worker.jobs import Jobs


def load_engine(*, trains: bool = False) -> "Jobs":
    """Import Keras and what needs it, for a training or for proposals; takes seconds."""
    if trains:
        make_training_fast()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        from unet_studio.worker.jobs import Jobs
    # Two models that propose the same tiles make it warn of graphs that are traced anew, as they have to be.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return Jobs()
