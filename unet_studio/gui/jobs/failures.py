"""What a person is told when a job ends without a result; the log has the whole story of what nobody foresaw."""

import logging

from unet_studio.errors import Cancelled, StudioError, UnexpectedError
from unet_studio.gui.controls.notice import Notice, NoticeKind

_log = logging.getLogger(__name__)


def failure_notice(doing: str, error: BaseException) -> Notice:
    """The notice for an error that ended a job; `doing` says what was being done, such as 'Exporting'.

    What was foreseen says enough itself; anything else also goes to the log, with its traceback.
    """
    if isinstance(error, Cancelled):
        return Notice(str(error))
    if isinstance(error, StudioError):
        return Notice(str(error), NoticeKind.WARNING)
    _log.error("Unexpected error while %s", doing, exc_info=error)
    return Notice(str(UnexpectedError(doing, error)), NoticeKind.ERROR)
