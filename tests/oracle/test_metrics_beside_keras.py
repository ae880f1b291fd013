"""Metrics beside Keras's own, and whether the numbers that the conformance suite has stored are still what Keras gives.

What differs from Keras on purpose is in tests/test_metrics.py.
"""

import json

import keras
import numpy as np
import pytest
from golden_rows import metric_by_keras

from polynet import metrics, ops
from polynet.conformance.metrics import table
from polynet.conformance.stored import golden

FIRST = {row.name: row for row in reversed(table.ROWS)}


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.id)
def test_values(row):
    expected = metric_by_keras(row)
    stored = np.asarray(golden("metrics")[row.id]["value"])
    np.testing.assert_allclose(stored, expected, rtol=1e-6, atol=1e-6)
    metric = getattr(metrics, row.name)(**row.arguments)
    for batch in row.batches():
        metric.update_state(*batch)
    result = ops.convert_to_numpy(metric.result())
    assert result.shape == expected.shape and result.dtype == expected.dtype
    digits = 1e-5 if row.name == "R2Score" else 1e-6  # Keras's subtracts large sums
    np.testing.assert_allclose(result, expected, rtol=digits, atol=digits)


@pytest.mark.parametrize("row", FIRST.values(), ids=FIRST)
def test_configs_are_read(row):
    """What Keras writes of a metric makes the same metric here."""
    theirs = getattr(keras.metrics, row.name)(**row.arguments)
    ours = metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(theirs))))
    assert type(ours).__name__ == row.name
    config, expected = ours.get_config(), theirs.get_config()
    for key, value in expected.items():
        assert config[key] == value or list(config[key]) == list(value), key
    assert ours.name == theirs.name and ours.dtype == theirs.dtype


def test_names():
    for alias in ("mse", "MSE", "bce", "msle", "MAPE", "mae", "auc", "F1Score", "f1_score"):
        assert type(metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__
