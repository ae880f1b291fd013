"""Newton's method on Rosenbrock's valley: gradient and Hessian of one function, and a linear solve.

python examples/newton.py
"""

import polynet
from polynet import ops


def rosenbrock(x):
    """A curved valley whose lowest point is (1, 1)."""
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


gradient = polynet.grad(rosenbrock)
hessian = polynet.hessian(rosenbrock)

x = ops.array([-1.2, 1.0])
for step in range(1, 8):
    x = x - ops.solve(hessian(x), gradient(x))
    print(
        f"step {step}: x = ({float(x[0]):.6f}, {float(x[1]):.6f}), value {float(rosenbrock(x)):.2e}"
    )
