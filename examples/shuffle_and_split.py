"""Shuffling by hand, and a validation split of 30 %."""

import numpy as np

import polynet
from polynet import layers

polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = np.linspace(-2, 2, 600, dtype="float32").reshape(-1, 1)
y = x**3 - x + rng.normal(0, 0.1, x.shape).astype("float32")

# the data are sorted, and a split takes the last part: shuffle first
order = rng.permutation(len(x))
x, y = x[order], y[order]

model = polynet.Sequential(
    [polynet.Input((1,)), layers.Dense(32, activation="tanh"), layers.Dense(1)]
)
model.compile(optimizer=polynet.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
history = model.fit(x, y, epochs=60, batch_size=32, validation_split=0.3, verbose=0).history
trained_on = round(len(x) * 0.7)
print(f"trained on {trained_on} points, validated on {len(x) - trained_on}")
print(f"loss {history['loss'][-1]:.3f}, validation loss {history['val_loss'][-1]:.3f}")
