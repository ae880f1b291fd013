"""``TensorBoard``: logs, weights and learning rates as event files for TensorBoard.

The files are written by the package ``tensorboard``, an extra; what they contain is made here.
"""

from __future__ import annotations

import os
import struct
import time
import warnings
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from polynet.callbacks.callback import Callback
from polynet.callbacks.learning_rates import optimizers, rate_of
from polynet.training.logs import as_float

__all__ = ["TensorBoard"]

_BINS = 30


class TensorBoard(Callback):
    """Writes event files for TensorBoard; run ``tensorboard --logdir=logs`` to see them.

    Args:
        log_dir: where to write them, in ``train`` and ``validation``.
        histogram_freq: after how many epochs to write histograms of the weights; 0 for never.
        write_graph: describe the model, for models that can be described as JSON?
        write_images: show weights as images, together with their histograms?
        write_steps_per_second: write the speed of training?
        update_freq: ``"epoch"``, ``"batch"``, or a number of batches.
        profile_batch: accepted for programs written for Keras; only 0 works.
        embeddings_freq: after how many epochs to save the weights for the projector; 0 for never.
        embeddings_metadata: the file with the names of embedded things, or a dict of them by layer.

    Example:
        >>> import polynet
        >>> board = polynet.callbacks.TensorBoard("logs", update_freq=100)
        >>> board.log_dir
        'logs'
    """

    saved_attributes = ("_batches",)

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if profile_batch not in (0, "0", None):
            raise ValueError(
                f"TensorBoard: profile_batch: expected 0, since polynet has no profiler; got {profile_batch!r}. Use "
                f"the profiler of your array library."
            )
        frequency = 1 if update_freq == "batch" else update_freq
        if frequency != "epoch" and (
            isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1
        ):
            raise ValueError(
                f"TensorBoard: update_freq: expected 'epoch', 'batch' or a positive number of batches; got "
                f"{update_freq!r}."
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.update_freq = histogram_freq, frequency
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._writers: dict[str, Any] = {}
        self.every_batch = frequency != "epoch"
        self._batches = 0
        self._epoch_batches = 0
        self._epoch_start = self._batch_start = 0.0

    # ---------------------------------------------------------------------------------- hooks

    def set_model(self, model: Any) -> None:
        """Begin new files, and describe the model."""
        super().set_model(model)
        _package()
        self._close()
        if self.write_graph:
            self._describe(model)
        if self.embeddings_freq:
            self._configure_projector(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Count batches from 0."""
        self._batches = 0

    def on_train_end(self, logs: Any = None) -> None:
        """Close the files."""
        self._close()

    def on_test_end(self, logs: Any = None) -> None:
        """Write the results of an evaluation by the number of training steps."""
        steps = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        if steps is not None:
            named = {
                f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()
            }
            self._scalars("validation", named, int(as_float(steps)))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Start the clock."""
        if self.write_steps_per_second and self.update_freq != "epoch":
            self._batch_start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write the logs of a batch, if it is time."""
        self._batches += 1
        self._epoch_batches = batch + 1
        if self.update_freq == "epoch" or self._batches % int(self.update_freq):
            return
        named = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._batch_start, 1e-9)
            named["batch_steps_per_second"] = 1.0 / seconds
        self._scalars("train", named, self._batches)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._epoch_start = time.perf_counter()
        self._epoch_batches = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the logs of an epoch, the learning rate, and weights if it is time."""
        logs = dict(logs or {})
        train = {f"epoch_{k}": v for k, v in logs.items() if not k.startswith("val_")}
        validation = {f"epoch_{k[4:]}": v for k, v in logs.items() if k.startswith("val_")}
        if getattr(self.model, "optimizer", None) is not None:
            for name, optimizer in optimizers(self.model, "TensorBoard"):
                train[f"epoch_{name}"] = rate_of(optimizer, "TensorBoard")
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_start, 1e-9)
            train["epoch_steps_per_second"] = self._epoch_batches / seconds
        self._scalars("train", train, epoch)
        self._scalars("validation", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            name = f"polynet_embedding-{epoch}.safetensors"
            self.model.save_weights(os.path.join(self.log_dir, "train", name))

    # ---------------------------------------------------------------------------------- what is written

    def _scalars(self, where: str, named: Mapping[str, Any], step: int) -> None:
        if not named:
            return
        summary = _package().Summary
        values = [
            summary.Value(tag=name, simple_value=float(value))
            for name, value in named.items()
            if isinstance(value, int | float)
        ]
        self._write(where, summary(value=values), step)

    def _write_weights(self, step: int) -> None:
        summary = _package().Summary
        values = []
        for weight in self.model.weights:
            array = np.asarray(host_values(weight))
            name = str(weight.path).replace(":", "_")
            values.append(summary.Value(tag=f"{name}/histogram", histo=_histogram(array)))
            if self.write_images:
                values += [
                    summary.Value(tag=f"{name}/image/{number}", image=image)
                    for number, image in enumerate(_images(array))
                ]
        self._write("train", summary(value=values), step)

    def _describe(self, model: Any) -> None:
        try:
            text = model.to_json()
        except Exception as error:  # a model may be of any class of the user's
            warnings.warn(
                f"TensorBoard: write_graph: the model cannot be described: {error} Give write_graph=False.",
                stacklevel=2,
            )
            return
        proto = _package()
        metadata = proto.SummaryMetadata(
            plugin_data=proto.SummaryMetadata.PluginData(
                plugin_name="graph_keras_model", content=b"1"
            )
        )
        tensor = proto.TensorProto(dtype=7, string_val=[text.encode()])  # 7 is a string
        value = proto.Summary.Value(tag="keras", metadata=metadata, tensor=tensor)
        self._write("train", proto.Summary(value=[value]), 0)

    def _configure_projector(self, model: Any) -> None:
        names = [layer.name for layer in model.layers if type(layer).__name__ == "Embedding"]
        metadata = self.embeddings_metadata
        if isinstance(metadata, Mapping):
            unknown = sorted(set(metadata) - set(names))
            if unknown:
                raise ValueError(
                    f"TensorBoard: embeddings_metadata: unknown Embedding layer {unknown[0]!r}; the model has "
                    f"{', '.join(names) or 'none'}."
                )
        lines = []
        for name in names:
            lines += ["embeddings {", f'  tensor_name: "{name}/embeddings"']
            path = metadata.get(name) if isinstance(metadata, Mapping) else metadata
            if path:
                lines.append(f'  metadata_path: "{path}"')
            lines.append("}")
        os.makedirs(self.log_dir, exist_ok=True)
        with open(
            os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8"
        ) as file:
            file.write("\n".join(lines) + "\n")

    def _write(self, where: str, summary: Any, step: int) -> None:
        if where not in self._writers:
            self._writers[where] = _package().EventFileWriter(os.path.join(self.log_dir, where))
        event = _package().Event(wall_time=time.time(), step=step, summary=summary)
        self._writers[where].add_event(event)
        self._writers[where].flush()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


class _Protos:
    """What is used of the package ``tensorboard``."""

    def __init__(self) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
            from tensorboard.summary.writer import event_file_writer
        except ImportError as error:
            raise ImportError(
                "TensorBoard: needs the package tensorboard: pip install 'polynet-dl[tensorboard]'."
            ) from error
        self.Event = event_pb2.Event
        self.EventFileWriter = event_file_writer.EventFileWriter
        self.HistogramProto = summary_pb2.HistogramProto
        self.Summary = summary_pb2.Summary
        self.SummaryMetadata = summary_pb2.SummaryMetadata
        self.TensorProto = tensor_pb2.TensorProto


_protos: _Protos | None = None


def _package() -> _Protos:
    global _protos
    if _protos is None:
        _protos = _Protos()
    return _protos


def host_values(weight: Any) -> np.ndarray:
    """A variable's values on the host."""
    from polynet import plugins

    value = getattr(weight, "value", weight)
    backend = plugins.owner(value)
    return np.asarray(value) if backend is None else backend.to_numpy(value)


def _histogram(array: np.ndarray) -> Any:
    flat = array.astype(np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        flat = np.zeros(1)
    counts, edges = np.histogram(flat, _BINS)
    return _package().HistogramProto(
        min=flat.min(),
        max=flat.max(),
        num=flat.size,
        sum=flat.sum(),
        sum_squares=(flat * flat).sum(),
        bucket_limit=edges[1:].tolist(),
        bucket=counts.tolist(),
    )


def _images(array: np.ndarray) -> list[Any]:
    """A weight as pictures in grey: a kernel as one, a bias as a line, a convolution's as one for each filter."""
    array = array.squeeze()
    if array.ndim == 1:
        pictures = array[None, None]
    elif array.ndim == 2:
        pictures = (array.T if array.shape[0] > array.shape[1] else array)[None]
    elif array.ndim == 3:
        pictures = array.transpose(2, 0, 1)
    else:
        return []
    return [
        _package().Summary.Image(
            height=picture.shape[0],
            width=picture.shape[1],
            colorspace=1,
            encoded_image_string=png(_grey(picture)),
        )
        for picture in pictures[:3]
    ]


def _grey(picture: np.ndarray) -> np.ndarray:
    low, high = float(picture.min()), float(picture.max())
    scaled = (picture - low) / (high - low) if high > low else np.zeros(picture.shape)
    return (scaled * 255).round().astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    """A grey picture, uint8 of shape (height, width), as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
