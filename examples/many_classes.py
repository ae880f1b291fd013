"""Many classes, both ways: one-hot labels and integers; and logits with a softmax on top.

All three learn the same, and give the same probabilities.
"""

import numpy as np

import polynet
from polynet import layers

rng = np.random.default_rng(0)
centers = rng.normal(0, 2, (5, 4))
labels = rng.integers(0, 5, 1000)
points = (centers[labels] + rng.normal(0, 0.7, (1000, 4))).astype("float32")
one_hot = polynet.utils.to_categorical(labels, 5)


def train(activation, loss, targets):
    """A model trained from the same first weights, over the same batches."""
    polynet.utils.set_random_seed(0)
    model = polynet.Sequential(
        [polynet.Input((4,)), layers.Dense(32, activation="relu"), layers.Dense(5, activation)]
    )
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    model.fit(points, targets, epochs=10, verbose=0)
    return model


by_integer = train("softmax", "sparse_categorical_crossentropy", labels)
by_one_hot = train("softmax", "categorical_crossentropy", one_hot)
logits = train(None, polynet.losses.SparseCategoricalCrossentropy(from_logits=True), labels)
from_logits = polynet.Sequential([logits, layers.Softmax()])

accuracy = by_integer.evaluate(points, labels, verbose=0, return_dict=True)["accuracy"]
print(f"accuracy {100 * accuracy:.1f} %")
expected = by_integer.predict(points, verbose=0)
for name, model in (("one-hot labels", by_one_hot), ("logits and a softmax", from_logits)):
    apart = np.abs(model.predict(points, verbose=0) - expected).max()
    print(f"{name}: probabilities differ by at most {apart:.0e} from those of integer labels")
