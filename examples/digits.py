"""The whole cycle on pictures of digits: data, build, compile, fit, evaluate, predict, save, load.

The pictures are drawn here, 28 by 28, from a font of five by seven points, moved about, with noise.
"""

import pathlib
import sys
import tempfile

import numpy as np

import polynet
from polynet import layers

FONT = (
    "0110 1001 1001 1001 1001 1001 0110|0010 0110 0010 0010 0010 0010 0111|0110 1001 0001 0010 0100 1000 1111|"
    "1110 0001 0001 0110 0001 0001 1110|0001 0011 0101 1001 1111 0001 0001|1111 1000 1110 0001 0001 1001 0110|"
    "0110 1000 1000 1110 1001 1001 0110|1111 0001 0001 0010 0100 0100 0100|0110 1001 1001 0110 1001 1001 0110|"
    "0110 1001 1001 0111 0001 0001 0110"
)


def draw(count, rng):
    """Pictures and which digit each one shows."""
    font = [
        np.array([[int(point) for point in row] for row in digit.split()])
        for digit in FONT.split("|")
    ]
    glyphs = np.stack([np.kron(digit, np.ones((3, 4))) for digit in font])  # 21 by 16
    labels = rng.integers(0, 10, count)
    pictures = rng.normal(0.0, 0.25, (count, 28, 28))
    for picture, label in zip(pictures, labels, strict=True):
        top, left = rng.integers(0, 8), rng.integers(0, 13)
        picture[top : top + 21, left : left + 16] += glyphs[label]
    return np.clip(pictures, 0, 1).astype("float32"), labels


polynet.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x_train, y_train = draw(3000, rng)
x_test, y_test = draw(500, rng)

model = polynet.Sequential(
    [
        polynet.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10),
    ]
)
model.summary()
model.compile(
    optimizer="adam",
    loss=polynet.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x_train, y_train, batch_size=128, epochs=6, validation_split=0.1, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test: loss {loss:.3f}, accuracy {100 * accuracy:.1f} %")

probabilities = polynet.Sequential([model, layers.Softmax()])
first = probabilities.predict(x_test[:1], verbose=0)[0]
print(
    f"the first picture shows a {y_test[0]}; the model says {first.argmax()}, at {first.max():.2f}"
)

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
model.save(folder / "digits.polynet")
again = polynet.load_model(folder / "digits.polynet")
same = (again.predict(x_test, verbose=0) == model.predict(x_test, verbose=0)).all()
print(f"saved and loaded: the same predictions, bit for bit: {same}")
