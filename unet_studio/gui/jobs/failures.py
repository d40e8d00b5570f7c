"""What a person is told when a job ends without a result."""

from unet_studio.errors import Cancelled, UnexpectedError
from unet_studio.gui.background import error_in_words
from unet_studio.gui.controls.notice import Notice, NoticeKind


def failure_notice(doing: str, error: BaseException) -> Notice:
    """The notice for an error that ended a job; `doing` says what was being done, such as 'Exporting'.

    An error that nobody foresaw also goes to the log, with its traceback.
    """
    told = error_in_words(doing, error)
    if isinstance(told, Cancelled):
        return Notice(str(told))
    kind = NoticeKind.ERROR if isinstance(told, UnexpectedError) else NoticeKind.WARNING
    return Notice(str(told), kind)
