"""A time series forecast: windows of the past, a GRU, and the next value."""

import numpy as np

import polynet
from polynet import layers

WINDOW = 24

polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
t = np.arange(1200)
series = (np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 100)).astype("float32")
series += rng.normal(0, 0.05, len(t)).astype("float32")

windows = np.lib.stride_tricks.sliding_window_view(series, WINDOW + 1)
x, y = windows[:, :-1, None], windows[:, -1:]
train, test = slice(0, 900), slice(900, None)

model = polynet.Sequential(
    [polynet.Input((WINDOW, 1)), layers.GRU(24), layers.Dense(1)], name="forecast"
)
model.compile(optimizer=polynet.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
model.fit(x[train], y[train], epochs=8, batch_size=64, verbose=0)
_, error = model.evaluate(x[test], y[test], verbose=0)
naive = np.abs(x[test][:, -1] - y[test]).mean()
print(f"mean error {error:.3f}; of repeating the last value {naive:.3f}")
