"""Optimizers and schedules beside Keras's own, computed now, on random weights and gradients too.

The rows are those of `polynet/conformance/optimizers`; the numbers stored for them must still be Keras's.
"""

import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polynet
from polynet.conformance.optimizers import table
from polynet.conformance.stored import golden

# of Keras's variables on NumPy
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROWS = {row.id: row for row in table.ROWS}
SCHEDULES = {row.id: row for row in table.SCHEDULES}


def final(framework, row):
    optimizer, variables = ROWS[row].run(framework)
    if optimizer.use_ema:
        optimizer.finalize_variable_values(variables)
    return [np.asarray(v.numpy()) for v in variables]


@pytest.mark.parametrize("row", ROWS)
def test_twenty_steps(row):
    ours, theirs = final(polynet, row), final(keras, row)
    for one, other, kept in zip(ours, theirs, golden("optimizers")[row]["weights"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(other.ravel(), kept, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("row", SCHEDULES)
@settings(max_examples=10, deadline=None)
@given(step=st.integers(0, 500))
def test_schedules(row, step):
    name, kwargs = SCHEDULES[row].name, SCHEDULES[row].arguments()
    ours = getattr(polynet.optimizers.schedules, name)(**kwargs)
    theirs = getattr(keras.optimizers.schedules, name)(**kwargs)
    at_restart = 0.0
    if name == "CosineDecayRestarts" and kwargs.get("t_mul", 2.0) != 1.0:
        # Keras may take the beginning of a period for the end of the one before
        periods = np.log1p(step / 7 * (kwargs.get("t_mul", 2.0) - 1)) / np.log(
            kwargs.get("t_mul", 2.0)
        )
        at_restart = abs(periods - round(periods))
        if at_restart < 1e-5:
            return
    np.testing.assert_allclose(float(ours(step)), float(theirs(step)), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "RMSprop", "Lion", "Adafactor", "Muon", "Ftrl", "Nadam"]
)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_random_weights(name, seed, size):
    generator = np.random.default_rng(seed)
    start = generator.normal(size=size).astype("float32")
    gradients = generator.normal(size=(5, *size)).astype("float32")
    values = []
    for framework in (polynet, keras):
        variable = framework.Variable(start, name="w")
        optimizer = getattr(framework.optimizers, name)(0.01, weight_decay=0.1, global_clipnorm=1.0)
        optimizer.build([variable])
        for g in gradients:
            optimizer.apply([framework.ops.convert_to_tensor(g)], [variable])
        values.append(np.asarray(variable.numpy()))
    np.testing.assert_allclose(*values, rtol=5e-6, atol=5e-6)


@pytest.mark.parametrize("row", ROWS)
def test_a_description_by_keras_is_understood(row):
    theirs = ROWS[row].construct(keras.optimizers)
    ours = polynet.optimizers.deserialize(
        json.loads(json.dumps(keras.optimizers.serialize(theirs)))
    )
    assert type(ours).__name__ == type(theirs).__name__
    config, expected = ours.get_config(), theirs.get_config()
    config.pop("inner_optimizer", None)
    expected.pop("inner_optimizer", None)
    assert config.keys() == expected.keys()
    for key, value in expected.items():
        if key != "learning_rate":
            assert config[key] == value, key
