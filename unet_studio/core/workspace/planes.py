"""The labels of planes in memory: each plane once, and never older than what a person has done."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.project.journal import Write
from unet_studio.errors import ProjectError

_KEPT_PLANES = 8


class Planes:
    """The label planes in memory. All who ask for a plane while one of them holds it get the same object.

    `read` gets the stored labels of a plane of a shape (h, w), in any thread; `waiting` the writes that are not done
    yet.
    """

    def __init__(
        self, read: Callable[[PlaneId, tuple[int, int]], LabelPlane], waiting: Callable[[], Iterable[Write]]
    ) -> None:
        self._read = read
        self._waiting = waiting
        self._held: WeakValueDictionary[PlaneId, LabelPlane] = WeakValueDictionary()
        self._kept: OrderedDict[PlaneId, LabelPlane] = OrderedDict()  # asked for last; the others may go
        self._versions: dict[PlaneId, int] = {}

    def in_memory(self, plane: PlaneId) -> LabelPlane | None:
        return self._held.get(plane)

    def get(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane of `shape` (h, w), read now unless they are in memory."""
        labels = self.in_memory(plane)
        return self.keep(plane, self.read(plane, shape) if labels is None else labels)

    def keep(self, plane: PlaneId, labels: LabelPlane) -> LabelPlane:
        """Keep labels that were `read`, unless the plane is in memory by now; returns those in memory."""
        labels = self._held.setdefault(plane, labels)
        self._kept[plane] = labels
        self._kept.move_to_end(plane)
        while len(self._kept) > _KEPT_PLANES:
            self._kept.popitem(last=False)
        return labels

    def read(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane as they are now, a new object; any thread may ask.

        What waits to be written lies over what is stored. It is looked up first: a write that is done by the time the
        store is read is in both, and making it again changes nothing.
        """
        waiting = tuple(self._waiting())
        labels = self._read(plane, shape)
        for write in waiting:
            write.change_labels(plane, labels)
        return labels

    def version(self, plane: PlaneId) -> int:
        """Grows with each write that changes labels of the plane: what was `read` at the same version is current."""
        return self._versions.get(plane, 0)

    def apply(self, write: Write, made: LabelPlane | None = None) -> None:
        """Change the planes in memory as `write`, not submitted yet, will change the store.

        `made` are the labels of its one plane as they are afterwards, where the caller has them already. Raises
        `ProjectError`, and changes nothing, where the stored edit is damaged.
        """
        try:
            for change in write.changes:
                labels = self.in_memory(change.plane)
                if labels is None or labels is made:
                    continue
                if made is not None:
                    labels.adopt(made)
                else:
                    change.replay(labels, undone=write.undone)
        except ProjectError:
            self._read_again(write)
            raise
        for change in write.changes:
            self._versions[change.plane] = self.version(change.plane) + 1

    def _read_again(self, write: Write) -> None:
        for change in write.changes:
            labels = self.in_memory(change.plane)
            if labels is not None:
                labels.adopt(self.read(change.plane, labels.shape))
