"""Notices: what the program has to say to a person, with what to do about it; the message bar shows them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """How much a notice matters; only the first kind goes away by itself."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: a sentence, what to do about it (`action`), and the cases it sums up (`details`).

    `other` is a second thing that may be done about it instead.
    """

    text: str
    kind: NoticeKind = NoticeKind.INFO
    action_text: str = ""
    action: Callable[[], None] | None = None
    details: tuple[str, ...] = ()
    other_text: str = ""
    other: Callable[[], None] | None = None

    @property
    def passing(self) -> bool:
        """Whether nothing is lost when it goes away unread."""
        return self.kind == NoticeKind.INFO and self.action is None
