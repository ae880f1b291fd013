"""A layer of one's own: ``build`` makes the weights when the first input shows its shape, ``call`` computes."""

import polynet
from polynet import ops


class SimpleDense(polynet.Layer):
    """``inputs @ kernel + bias``."""

    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        """Create the weights."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        """Compute the outputs."""
        return ops.matmul(inputs, self.kernel) + self.bias


layer = SimpleDense(512)
outputs = layer(ops.ones((128, 784)))
print(f"outputs {tuple(outputs.shape)}, {layer.count_params():,} weights")
print([weight.path for weight in layer.weights])
