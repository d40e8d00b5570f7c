"""Ctrl+C asks a command to stop; pressed again it ends it."""

import os
import signal
from collections.abc import Iterator

import pytest

from unet_studio.cli.terminal import TerminalReporter


@pytest.fixture
def _ctrl_c_interrupts() -> Iterator[None]:
    """As in a terminal; a shell starts what runs in its background with SIGINT ignored."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.usefixtures("_ctrl_c_interrupts")
def test_ctrl_c_asks_once_and_then_ends_the_command() -> None:
    with TerminalReporter("Working") as reporter:
        assert not reporter.cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert reporter.cancelled()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
