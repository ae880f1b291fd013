"""A model of one's own that holds a list of layers, trained by itself and as a layer of another model."""

import numpy as np

import polynet
from polynet import layers


class MySequential(polynet.Model):
    """Layers one after the other."""

    def __init__(self, stack):
        super().__init__()
        self.stack = list(stack)

    def call(self, x):
        """Compute layer after layer."""
        for layer in self.stack:
            x = layer(x)
        return x


polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 8)).astype("float32")
y = (np.sin(x[:, :1]) + x[:, 1:2] ** 2).astype("float32")

features = MySequential([layers.Dense(32, activation="tanh"), layers.Dense(32, activation="tanh")])
model = MySequential([features, layers.Dense(1)])
model.compile(optimizer="adam", loss="mse")
history = model.fit(x, y, epochs=30, batch_size=32, verbose=0).history
model.summary(expand_nested=True)
print(f"loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}")
