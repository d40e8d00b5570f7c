"""The log of curves, read by TensorFlow's own reader."""

from pathlib import Path
from typing import Any

import pytest

from unet_studio.unet.training.event_log import EventLog

event_pb2: Any = pytest.importorskip("tensorflow.core.util.event_pb2")


def read(file: Path) -> list[Any]:
    import tensorflow as tf

    records = tf.data.TFRecordDataset(str(file))  # checks the checksums
    return [event_pb2.Event.FromString(record.numpy()) for record in records]


def test_tensorflow_reads_what_was_written(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "tensorboard")
    log.write(0, {"loss": 1.5})
    log.write(300, {"loss": 0.5, "hold-out Dice": 0.25})
    (file,) = (tmp_path / "tensorboard").iterdir()
    first, *points = read(file)
    assert first.file_version == "brain.Event:2"
    assert [point.step for point in points] == [0, 300]
    curves = [{value.tag: value.simple_value for value in point.summary.value} for point in points]
    assert curves == [{"loss": 1.5}, {"loss": 0.5, "hold-out Dice": 0.25}]
    assert first.wall_time <= points[0].wall_time <= points[1].wall_time


def test_two_runs_in_one_folder_have_a_file_each(tmp_path: Path) -> None:
    EventLog(tmp_path)
    EventLog(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
