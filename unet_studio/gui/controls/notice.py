"""Notices: what the program has to say to a person, with what to do about it; the message bar shows them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from unet_studio.errors import StudioError


class NoticeKind(StrEnum):
    """How much a notice matters; only the first kind goes away by itself."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: a sentence, what to do about it (`action`), and the cases it sums up (`details`)."""

    text: str
    kind: NoticeKind = NoticeKind.INFO
    action_text: str = ""
    action: Callable[[], None] | None = None
    details: tuple[str, ...] = ()

    @property
    def passing(self) -> bool:
        """Whether nothing is lost when it goes away unread."""
        return self.kind == NoticeKind.INFO and self.action is None


def failure_in_words(problem: Exception, doing: str, log: logging.Logger) -> str:
    """What to tell a person of an exception that came while `doing`, such as "the slide was read".

    The program's own errors are sentences already. Anything else is a mistake in the program: its traceback is logged.
    """
    if isinstance(problem, StudioError):
        return str(problem)
    log.error("An unexpected error while %s", doing, exc_info=problem)
    text = QCoreApplication.translate(
        "Notice", "Something unexpected went wrong while {0} ({1}: {2}). What the program writes to its log says more."
    )
    return text.format(doing, type(problem).__name__, problem)
