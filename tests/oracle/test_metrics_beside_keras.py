"""Metrics beside Keras's own, and whether the numbers in keras_metrics.json are still what Keras gives.

``python tests/oracle/test_metrics_beside_keras.py`` writes that file.  What differs from Keras on purpose is in
tests/test_metrics.py.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
STORED = HERE.parent / "keras_metrics.json"
sys.path.append(str(HERE.parent))

import keras  # noqa: E402
import pytest  # noqa: E402
from metric_rows import ROWS  # noqa: E402

from polynet import metrics, ops  # noqa: E402


def by_keras(row):
    name, arguments, batches = row
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too many regressors; divisions that come to nothing
        metric = getattr(keras.metrics, name)(**arguments)
        for batch in batches:
            metric.update_state(*batch)
        return np.asarray(keras.ops.convert_to_numpy(metric.result()))


@pytest.mark.parametrize("row", ROWS)
def test_values(row):
    expected = by_keras(ROWS[row])
    stored = np.asarray(json.loads(STORED.read_text())["results"][row])
    np.testing.assert_allclose(stored, expected, rtol=1e-6, atol=1e-6)
    name, arguments, batches = ROWS[row]
    metric = getattr(metrics, name)(**arguments)
    for batch in batches:
        metric.update_state(*batch)
    result = ops.convert_to_numpy(metric.result())
    assert result.shape == expected.shape and result.dtype == expected.dtype
    digits = 1e-5 if name == "R2Score" else 1e-6  # Keras's subtracts large sums
    np.testing.assert_allclose(result, expected, rtol=digits, atol=digits)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in ROWS.values()}))
def test_configs_are_read(name):
    """What Keras writes of a metric makes the same metric here."""
    arguments = next(row[1] for row in ROWS.values() if row[0] == name)
    theirs = getattr(keras.metrics, name)(**arguments)
    ours = metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(theirs))))
    assert type(ours).__name__ == name
    config, expected = ours.get_config(), theirs.get_config()
    for key, value in expected.items():
        assert config[key] == value or list(config[key]) == list(value), key
    assert ours.name == theirs.name and ours.dtype == theirs.dtype


def test_names():
    for alias in (
        "mse",
        "MSE",
        "bce",
        "msle",
        "MAPE",
        "mae",
        "auc",
        "F1Score",
        "f1_score",
    ):
        assert type(metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__


if __name__ == "__main__":
    results = {
        name: by_keras(row).astype("float64").round(9).tolist() for name, row in ROWS.items()
    }
    origin = f"Keras {keras.__version__} on NumPy; made by tests/oracle/{Path(__file__).name}"
    STORED.write_text(json.dumps({"origin": origin, "results": results}, indent=0) + "\n")
