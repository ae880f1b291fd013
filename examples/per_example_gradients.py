"""Per-example gradients: the gradient of each example's loss, all at once, by ``vmap`` of ``grad``.

python examples/per_example_gradients.py
"""

import numpy as np

import polynet
from polynet import ops

rng = np.random.default_rng(0)
x = ops.convert_to_tensor(rng.normal(size=(8, 3)).astype("float32"))
y = ops.convert_to_tensor(rng.normal(size=8).astype("float32"))
weights = {"w": ops.array([0.5, -1.0, 2.0]), "b": ops.array(0.1)}


def loss(weights, x, y):
    """The squared error of one example."""
    return ops.square(ops.sum(x * weights["w"]) + weights["b"] - y)


gradients = polynet.vmap(polynet.grad(loss), in_axes=(None, 0, 0))(weights, x, y)
norms = ops.sqrt(ops.sum(ops.square(gradients["w"]), axis=1) + ops.square(gradients["b"]))
print("gradients of w have the shape", tuple(gradients["w"].shape))
print("norm of each example's gradient:", " ".join(f"{float(norm):.3f}" for norm in norms))

mean = polynet.grad(
    lambda weights: ops.mean(polynet.vmap(loss, in_axes=(None, 0, 0))(weights, x, y))
)(weights)
difference = float(ops.max(ops.abs(ops.mean(gradients["w"], axis=0) - mean["w"])))
print(f"their mean is the gradient of the mean loss, up to {difference:.1e}")
