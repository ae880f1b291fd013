"""Keras, the oracle of this folder, runs on NumPy unless another backend is asked for. No fixtures."""

import os

os.environ.setdefault("KERAS_BACKEND", "numpy")
