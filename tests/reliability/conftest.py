"""What tests of reliability share: disks that are slow, fail now and then, or are full, under a journal."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from itertools import count

import pytest

from unet_studio.core.project.journal import Journal, Write
from unet_studio.core.project.store import Project


class DiskKind(StrEnum):
    FAST = "fast"
    SLOW = "slow"
    FAILING = "failing"
    FULL = "full"


class Disk:
    """How the disk answers the journal's writes; a full one has no room until `full` is reset."""

    def __init__(self, kind: DiskKind, *, delay: float = 0.03) -> None:
        self.kind = kind
        self.full = kind is DiskKind.FULL
        self._delay = delay
        self._attempts = count()

    def wrap(self, run: Callable[[Project], object]) -> Callable[[Project], None]:
        def met(project: Project) -> None:
            if self.kind is DiskKind.SLOW:
                time.sleep(self._delay)
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
            attempt = next(self._attempts)
            if self.kind is DiskKind.FAILING and attempt % 3 == 0:
                raise sqlite3.OperationalError("disk I/O error")
            run(project)
            if self.kind is DiskKind.FAILING and attempt % 3 == 1:
                raise sqlite3.OperationalError("disk I/O error")  # it was written, but nobody can tell

        return met


@pytest.fixture
def put_in_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Disk]:
    """Have every folder that is opened from now on kept on a 'fast', 'slow', 'failing' or 'full' disk."""

    def put_in(kind: str, *, delay: float = 0.03) -> Disk:
        disk = Disk(DiskKind(kind), delay=delay)

        class OnDisk(Journal):
            def submit(self, write: Write) -> None:
                super().submit(replace(write, run=disk.wrap(write.run)))

        monkeypatch.setattr("unet_studio.core.workspace.workspace.Journal", OnDisk)
        monkeypatch.setattr("unet_studio.core.project.journal._RETRY_SECONDS", 0.02)
        return disk

    return put_in
