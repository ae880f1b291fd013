"""Fit the line y = a x + b to ten points by hand: a tape, two variables, plain gradient descent.

python examples/fit_line.py
POLYNET_BACKEND=torch python examples/fit_line.py
"""

import numpy as np

import polynet
from polynet import ops

rng = np.random.default_rng(0)
points = np.linspace(0.0, 2.0, 10)
x = ops.array(points, "float32")
y = ops.array(3.0 * points + 1.0 + 0.1 * rng.normal(size=10), "float32")

a = polynet.Variable(0.0, name="a")
b = polynet.Variable(0.0, name="b")

for epoch in range(1, 201):
    with polynet.GradientTape() as tape:
        mse = ops.mean(ops.square(a * x + b - y))
    gradients = tape.gradient(mse, {"a": a, "b": b})
    a.assign_sub(0.1 * gradients["a"])
    b.assign_sub(0.1 * gradients["b"])
    if epoch % 20 == 0:
        print(f"epoch {epoch:3d}: mse {mse:.6f}, a {a:.4f}, b {b:.4f}")

best_a, best_b = np.polyfit(points, ops.convert_to_numpy(y), 1)
print(f"least squares:                  a {best_a:.4f}, b {best_b:.4f}")
