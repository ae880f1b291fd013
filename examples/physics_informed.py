"""A small network that satisfies a differential equation: u'' = -u with u(0) = 0, u'(0) = 1, so u = sin t.

The loss holds derivatives of the network by its input, and is itself differentiated by the weights.

    python examples/physics_informed.py
"""

import numpy as np

import polynet
from polynet import ops

rng = np.random.default_rng(0)
hidden = 24
weights = [
    polynet.Variable(rng.normal(size=(1, hidden)).astype("float32"), name="w1"),
    polynet.Variable(rng.uniform(-1, 1, size=hidden).astype("float32"), name="b1"),
    polynet.Variable((0.3 * rng.normal(size=(hidden, 1))).astype("float32"), name="w2"),
]
times = np.linspace(0.0, 2.0, 16).astype("float32")


def network(t):
    """u(t) = t + t² N(t): the conditions at 0 hold whatever the network N is."""
    w1, b1, w2 = weights
    inner = ops.tanh(ops.matmul(ops.reshape(t, (-1, 1)), w1) + b1)
    return t + t * t * ops.reshape(ops.matmul(inner, w2), ops.shape(t))


def acceleration(t):
    """The second derivative of the network at every time: one derivative of the other."""

    def speed(t):
        return polynet.grad(lambda t: ops.sum(network(t)))(t)

    return polynet.grad(lambda t: ops.sum(speed(t)))(t)


def residual():
    """How far the network is from solving u'' + u = 0."""
    t = ops.convert_to_tensor(times)
    return ops.mean(ops.square(acceleration(t) + network(t)))


@polynet.jit
def step(rate):
    """One step of gradient descent with momentum."""
    loss, gradients = polynet.value_and_grad(residual, variables=weights)()
    for weight, velocity, gradient in zip(weights, velocities, gradients, strict=True):
        velocity.assign(0.9 * velocity - rate * gradient)
        weight.assign_add(velocity)
    return loss


velocities = [polynet.Variable(ops.zeros(weight.shape), trainable=False) for weight in weights]
for number in range(1, 601):
    loss = step(0.002)
    if number % 100 == 0:
        print(f"step {number}: residual {float(loss):.6f}")

found = ops.convert_to_numpy(network(ops.convert_to_tensor(times)))
error = float(np.abs(found - np.sin(times)).max())
print(f"largest error against sin t: {error:.4f}")
