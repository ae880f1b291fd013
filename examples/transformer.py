"""A small transformer that learns to turn sequences around."""

import numpy as np

import polynet
from polynet import layers, ops

LENGTH, WORDS, WIDTH = 8, 10, 32


def block(x):
    """Attention and a dense network, each beside a way past it."""
    h = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(num_heads=2, key_dim=WIDTH // 2)(h, h)
    h = layers.LayerNormalization()(x)
    h = layers.Dense(2 * WIDTH, activation="gelu")(h)
    return x + layers.Dense(WIDTH)(h)


class Positions(polynet.Layer):
    """Adds a learned vector for each place in the sequence."""

    def build(self, input_shape):
        """Create the vectors."""
        self.vectors = self.add_weight(shape=input_shape[1:], initializer="random_normal")

    def call(self, x):
        """Add them."""
        return x + self.vectors


polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.integers(0, WORDS, (2000, LENGTH))
y = x[:, ::-1].copy()

tokens = polynet.Input((LENGTH,), dtype="int32")
h = Positions()(layers.Embedding(WORDS, WIDTH)(tokens))
for _ in range(2):
    h = block(h)
model = polynet.Model(tokens, layers.Dense(WORDS)(layers.LayerNormalization()(h)))
model.compile(
    optimizer=polynet.optimizers.Adam(0.003),
    loss=polynet.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x[:1800], y[:1800], batch_size=64, epochs=8, verbose=0).history
accuracy = model.evaluate(x[1800:], y[1800:], verbose=0, return_dict=True)["accuracy"]
print(f"accuracy {100 * history['accuracy'][0]:.1f} % -> {100 * accuracy:.1f} % on new sequences")
turned = ops.convert_to_numpy(ops.argmax(model(x[-1:]), axis=-1))[0]
print(f"{x[-1].tolist()} -> {turned.tolist()}")
