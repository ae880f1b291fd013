"""A linear classifier from scratch on two clouds of 1,000 points each, and a picture of its decision line.

    python examples/linear_classifier.py [picture.png]

The picture needs matplotlib: pip install 'polynet-dl[matplotlib]'.
"""

import sys

import numpy as np

import polynet
from polynet import ops

rng = np.random.default_rng(0)
covariance = [[1.0, 0.5], [0.5, 1.0]]
negative = rng.multivariate_normal(mean=[0, 3], cov=covariance, size=1000)
positive = rng.multivariate_normal(mean=[3, 0], cov=covariance, size=1000)
points = np.vstack([negative, positive])
labels = np.vstack([np.zeros((1000, 1)), np.ones((1000, 1))])
inputs, targets = ops.array(points, "float32"), ops.array(labels, "float32")

W = polynet.Variable(rng.uniform(size=(2, 1)).astype("float32"), name="W")
b = polynet.Variable(np.zeros(1, "float32"), name="b")


def predict(x):
    """The score of each point; over 0.5 is the positive cloud."""
    return ops.matmul(x, W) + b


for step in range(1, 41):
    with polynet.GradientTape() as tape:
        loss = ops.mean(ops.square(targets - predict(inputs)))
    for variable, gradient in zip((W, b), tape.gradient(loss, [W, b]), strict=True):
        variable.assign_sub(0.1 * gradient)
    if step % 10 == 0:
        print(f"step {step}: loss {loss:.4f}")

guesses = ops.convert_to_numpy(predict(inputs)) > 0.5
accuracy = float(np.mean(guesses == labels))
print(f"accuracy {100 * accuracy:.2f} %")

if len(sys.argv) > 1:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    w = W.numpy()
    line = np.linspace(-1.0, 4.0, 100)
    plt.scatter(points[:, 0], points[:, 1], c=guesses[:, 0], s=5)
    plt.plot(line, -w[0] / w[1] * line + (0.5 - b.numpy()) / w[1], "-r")
    plt.title(f"two clouds, a line, {100 * accuracy:.2f} % right")
    plt.savefig(sys.argv[1], dpi=100)
