"""Two classes: a sigmoid at the end and ``binary_crossentropy``."""

import numpy as np

import polynet
from polynet import layers

polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
angle = rng.uniform(0, 2 * np.pi, 1000)
inside = rng.integers(0, 2, 1000)  # a ring, and a disc within it
radius = np.where(inside, rng.uniform(0, 0.8, 1000), rng.uniform(1.2, 2, 1000))
points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype("float32")

model = polynet.Sequential(
    [
        polynet.Input((2,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=polynet.optimizers.Adam(0.01),
    loss="binary_crossentropy",
    metrics=["accuracy", polynet.metrics.AUC(name="auc")],
)
model.fit(points[:800], inside[:800], epochs=20, verbose=0)
found = model.evaluate(points[800:], inside[800:], verbose=0, return_dict=True)
print(f"accuracy {100 * found['accuracy']:.1f} %, area under the curve {found['auc']:.3f}")
