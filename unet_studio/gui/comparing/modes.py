"""The ways in which two mask sources are compared."""

from enum import StrEnum


class CompareMode(StrEnum):
    """How two mask sources are shown."""

    SWIPE = "swipe"
    SIDE = "side"
