"""Learning rate schedules at their borders; values beside Keras are in polynet/conformance/optimizers."""

from polynet.optimizers import schedules


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
