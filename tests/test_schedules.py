"""Learning rate schedules: values beside Keras's, compiled too; descriptions; errors."""

import json
from pathlib import Path

import numpy as np
import optimizer_rows as rows
import pytest

import polynet
from polynet import ops
from polynet.optimizers import schedules

EXPECTED = json.loads((Path(__file__).parent / "data" / "optimizers.json").read_text())["schedules"]


def construct(row):
    name, kwargs = rows.arguments_of_schedule(row)
    return getattr(schedules, name)(**kwargs)


@pytest.mark.parametrize("row", rows.SCHEDULES)
def test_values_are_those_of_keras(row):
    schedule = construct(row)
    values = [float(schedule(step)) for step in rows.SCHEDULE_STEPS]
    np.testing.assert_allclose(values, EXPECTED[row], rtol=1e-6, atol=3e-7)
    assert polynet.ops.convert_to_numpy(schedule(3)).dtype == "float32"


@pytest.mark.parametrize("row", rows.SCHEDULES)
def test_compiled(row):
    schedule = construct(row)
    compiled = polynet.jit(schedule, compile=True)
    for step, expected in zip(rows.SCHEDULE_STEPS[::5], EXPECTED[row][::5], strict=True):
        value = compiled(ops.convert_to_tensor(step, dtype="int32"))
        np.testing.assert_allclose(float(value), expected, rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("row", rows.SCHEDULES)
def test_a_description_gives_an_equal_schedule(row):
    schedule = construct(row)
    description = json.loads(json.dumps(schedules.serialize(schedule)))
    again = schedules.deserialize(description)
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    name, kwargs = rows.arguments_of_schedule(row)
    assert kwargs.items() <= again.get_config().items()
    assert (
        schedules.deserialize({"class_name": name, "config": kwargs}).get_config()
        == again.get_config()
    )


def test_an_integer_learning_rate_is_a_float():
    schedule = schedules.CosineDecay(0, 10, warmup_target=1, warmup_steps=4)
    assert float(schedule(1)) == 0.25


def test_no_warmup_steps():
    schedule = schedules.CosineDecay(0.0, 10, warmup_target=0.5)
    assert float(schedule(0)) == 0.5


def test_restarts_begin_exactly():
    # at the borders of geometric periods a logarithm is a little more or less than a whole number
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=2.0)
    assert [float(schedule(10 * (2**n - 1))) for n in range(12)] == [1.0] * 12


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "ExponentialDecay: decay_steps: expected more than 0; got 0",
        ),
        (
            lambda: schedules.CosineDecay(0.1, -1),
            "CosineDecay: decay_steps: expected more than 0; got -1",
        ),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps: expected more than 0"),
        (
            lambda: schedules.PiecewiseConstantDecay([1], [0.1]),
            "expected one more than the 1 boundaries; got 1",
        ),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_a_schedule_without_a_call():
    with pytest.raises(NotImplementedError, match="write __call__"):
        schedules.LearningRateSchedule()(1)
