"""Exceptions that nobody foresaw: one notice each and a log line with the traceback, and the window goes on."""

import logging
import sys
import threading
from types import TracebackType

from unet_studio.errors import UnexpectedError
from unet_studio.gui.session.session import Session

_log = logging.getLogger(__name__)


def tell_unexpected(session: Session) -> None:
    """Have what escapes from a slot or a thread told by `session`, from now on."""

    def tell(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None or not issubclass(kind, Exception):
            sys.__excepthook__(kind, error or kind(), traceback)
            return
        _log.critical("Unexpected error", exc_info=(kind, error, traceback))
        session.tell(UnexpectedError(session.tr("what was asked for last"), error))

    sys.excepthook = tell
    threading.excepthook = lambda hook: tell(hook.exc_type, hook.exc_value, hook.exc_traceback)
