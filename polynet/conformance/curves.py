"""Loss curves of 100 training steps of whole models, dropout and shuffling on, beside those of an independent program.

The program is ``tests/oracle/curves_by_torch.py``: the same models written out in another library, in float64, with the
same first weights, the same bits of dropout and the same order of examples.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.stored import near
from polynet.conformance.suite import Subject

EXAMPLES, BATCH, EPOCHS = 100, 25, 25
SEED = 5
"""Set before training, so that the order of examples follows."""
RATE = 3e-3
"""The learning rate of Adam."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A model, and the shape of one of its examples."""

    id: str
    make: Callable[[], Any]
    shape: tuple[int, ...]
    tokens: int = 0
    """Inputs are integers below this."""

    @property
    def name(self) -> str:
        """What the row is about: the whole of training."""
        return "fit"

    def data(self, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
        """Examples and their labels."""
        random = np.random.RandomState(0)
        shape = (EXAMPLES, *self.shape)
        x = random.randint(0, self.tokens, shape) if self.tokens else random.randn(*shape)
        return x.astype("int32" if self.tokens else dtype), random.randint(0, 4, EXAMPLES)


def weight_values(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> list[np.ndarray]:
    """First values of the weights that are trained, made of their names and shapes."""
    values = []
    for number, (name, shape) in enumerate(shapes):
        if name == "gamma":
            values.append(np.ones(shape))
        elif name in ("beta", "bias"):
            values.append(np.zeros(shape))
        else:
            count = np.arange(int(np.prod(shape)), dtype="float64") + 1
            scale = 1.2 / float(np.prod(shape[:-1])) ** 0.5
            values.append((scale * np.sin(count * 1.7 + number)).reshape(shape))
    return values


# ------------------------------------------------------------------------------------ models


def mlp() -> Any:
    """Two layers, with dropout between them."""
    import polynet
    from polynet import layers

    return polynet.Sequential(
        [
            polynet.Input((12,)),
            layers.Dense(24, "relu"),
            layers.Dropout(0.3, seed=11),
            layers.Dense(4),
        ]
    )


def cnn() -> Any:
    """A convolution with all that goes along with it."""
    import polynet
    from polynet import layers

    return polynet.Sequential(
        [
            polynet.Input((10, 10, 1)),
            layers.Conv2D(4, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.SpatialDropout2D(0.2, seed=12),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def lstm() -> Any:
    """A recurrent layer that drops inputs."""
    import polynet
    from polynet import layers

    return polynet.Sequential(
        [polynet.Input((7, 5)), layers.LSTM(8, dropout=0.1, seed=13), layers.Dense(4)]
    )


def transformer() -> Any:
    """Attention with dropout and a network after it, each with a shortcut."""
    import polynet
    from polynet import layers

    x = polynet.Input((6,), dtype="int32")
    h = layers.Embedding(11, 8)(x)
    h = h + layers.MultiHeadAttention(2, 4, dropout=0.1, seed=14)(h, h)
    h = layers.LayerNormalization()(h)
    h = h + layers.Dense(8)(layers.Dense(16, activation="gelu")(h))
    return polynet.Model(x, layers.Dense(4)(layers.GlobalAveragePooling1D()(h)))


ROWS = [
    Curve("mlp", mlp, (12,)),
    Curve("cnn", cnn, (10, 10, 1)),
    Curve("lstm", lstm, (7, 5)),
    Curve("transformer", transformer, (6,), tokens=11),
]


# ------------------------------------------------------------------------------------ training


@contextlib.contextmanager
def _floats(dtype: str) -> Iterator[None]:
    """A block in which floats are of this dtype unless something else is said."""
    from polynet import config

    before, policy = config.floatx(), config._dtype_policy
    config.set_floatx(dtype)
    config._dtype_policy = None  # one that somebody has set would keep layers from following
    try:
        yield
    finally:
        config.set_floatx(before)
        config._dtype_policy = policy


def losses(row: Curve, dtype: str = "float32") -> np.ndarray:
    """The loss at each step."""
    import polynet

    found: list[float] = []

    class Keep(polynet.callbacks.Callback):
        """Keeps the loss of each batch by itself."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Keep the loss, and begin anew."""
            found.append(float(logs["loss"]))
            self.model.reset_metrics()

    with _floats(dtype):
        polynet.backend.clear_session(free_memory=False)
        model = row.make()
        weights = model.trainable_weights
        values = weight_values((w.name, tuple(w.shape)) for w in weights)
        for weight, value in zip(weights, values, strict=True):
            weight.assign(value.astype(dtype))
        loss = polynet.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(polynet.optimizers.Adam(RATE), loss)
        x, y = row.data(dtype)
        polynet.utils.set_random_seed(SEED)
        model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, callbacks=[Keep()], verbose=0)
    return np.array(found)


class Trial:
    """A curve on a backend."""

    def __init__(self, row: Curve, backend: Backend) -> None:
        self.row = row
        self.backend = backend

    @property
    def expected(self) -> np.ndarray:
        """The curve of the independent program."""
        return np.asarray(stored.expected("curves", self.row.id))

    def snippet(self) -> str:
        """A program that trains the model, to paste into an interpreter."""
        return stored.program(
            self.backend,
            "from polynet.conformance import curves",
            f"row = next(row for row in curves.ROWS if row.id == {self.row.id!r})",
            "print(curves.losses(row))",
            f"# expected to begin with: {self.expected[:5].tolist()}",
        )


def check_float32(trial: Trial) -> None:
    """The curve in float32, within 1e-4."""
    near(losses(trial.row), trial.expected, "the losses of 100 steps", 0.0, 1e-4)


def check_float64(trial: Trial) -> None:
    """The curve in float64, within 1e-9."""
    stored.needs_double(trial.backend)
    near(losses(trial.row, "float64"), trial.expected, "the losses of 100 steps", 0.0, 1e-9)


CHECKS = {"float32": check_float32, "float64": check_float64}


def tier(row: Any, check: str) -> str:
    """All of it is training."""
    return "train"


SUBJECT = Subject(
    name="curves",
    rows=lambda: ROWS,
    trial=Trial,
    checks=CHECKS,
    tier=tier,
    names=lambda: ("fit",),
)
