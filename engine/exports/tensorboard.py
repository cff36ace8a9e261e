"""The metrics of a run as TensorBoard reads them.

By tensorboard's own messages and record writer: tensorboardX and torch's SummaryWriter would
bring torch into the process that serves pages.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from engine.exports.archive import zipped
from engine.history import History

NOT_METRICS = ("step", "epoch", "time")

TEXT = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))


def tensorboard_log(history: History) -> bytes:
    """A zip with one folder, to be given to `tensorboard --logdir`, that holds one event file.

    The metrics are scalars by step, at the wall time they were measured; the settings are a
    table under *Text*.
    """
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for event in _events(history):
        writer.write(event.SerializeToString())
    name = f"{history.topic}-{history.run[:8]}"
    file = f"{name}/events.out.tfevents.{int(_begun(history))}.gallery"
    return zipped({file: stream.getvalue()})


def _begun(history: History) -> float:
    return float(history.started.get("time", 0))


def _events(history: History) -> Iterator[Event]:
    begun = _begun(history)
    yield Event(wall_time=begun, file_version="brain.Event:2")
    yield Event(wall_time=begun, summary=Summary(value=[_settings(history)]))
    columns = {n: c for n, c in history.metrics.items() if n not in NOT_METRICS}
    for row, step in enumerate(history.metrics["step"]):
        measured = [
            Summary.Value(tag=name, simple_value=column[row])
            for name, column in columns.items()
            if column[row] is not None
        ]
        wall_time = history.metrics["time"][row]
        yield Event(wall_time=wall_time, step=step, summary=Summary(value=measured))


def _settings(history: History) -> Summary.Value:
    """The settings as a Markdown table."""
    rows = [f"| {name} | {value} |" for name, value in history.config.items()]
    text = "\n".join(["| setting | value |", "|---|---|", *rows])
    tensor = TensorProto(
        dtype=DT_STRING,
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        string_val=[text.encode()],
    )
    return Summary.Value(tag="settings", tensor=tensor, metadata=TEXT)
