"""A run's curves as TensorBoard reads them, written without TensorFlow, so that every backend has them."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path

_POLYNOMIAL = 0x82F63B78


def _make_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _make_table()


class EventLog:
    """Appends the values of named curves to an event file in a folder; each call starts no process and keeps no file
    open.

    The file is a sequence of TFRecords (length, masked CRC-32C of it, data, masked CRC-32C of that; little endian),
    each an `Event` message in the protocol-buffer encoding; reference: tensorflow/core/util/event.proto.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"events.out.tfevents.{time.time_ns()}"
        self._append(_text(3, b"brain.Event:2"))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One point at `step`, 0 or more, of each curve in `values`."""
        points = [_text(1, name.encode()) + struct.pack("<Bf", 2 << 3 | 5, value) for name, value in values.items()]
        self._append(bytes([2 << 3]) + _varint(step) + _text(5, b"".join(_text(1, point) for point in points)))

    def _append(self, content: bytes) -> None:
        event = struct.pack("<Bd", 1 << 3 | 1, time.time()) + content
        length = struct.pack("<Q", len(event))
        with self._file.open("ab") as file:
            file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _text(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _masked_crc(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
