"""Overfitting shown, and cured with dropout and early stopping."""

import numpy as np

import polynet
from polynet import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 20)).astype("float32")
y = ((x[:, 0] + x[:, 1] + rng.normal(0, 1.0, 300)) > 0).astype("float32")[:, None]
train, valid = slice(0, 100), slice(100, 300)


def fit(dropout, callbacks):
    """The losses of training a large model on few, noisy points."""
    polynet.utils.set_random_seed(0)
    model = polynet.Sequential(
        [
            polynet.Input((20,)),
            layers.Dense(128, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(128, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=polynet.optimizers.Adam(0.003), loss="binary_crossentropy")
    return model.fit(
        x[train],
        y[train],
        epochs=40,
        validation_data=(x[valid], y[valid]),
        callbacks=callbacks,
        verbose=0,
    ).history


plain = fit(0.0, [])
stop = polynet.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
cured = fit(0.5, [stop])
print(f"plain: loss {plain['loss'][-1]:.3f}, validation loss {plain['val_loss'][-1]:.3f}")
print(
    f"with dropout, stopped after {len(cured['loss'])} epochs: "
    f"loss {cured['loss'][-1]:.3f}, best validation loss {min(cured['val_loss']):.3f}"
)
