"""A variational autoencoder: a sampling layer, a loss that a layer adds, and a decoder to draw from."""

import numpy as np

import polynet
from polynet import layers, ops


class Sampling(polynet.Layer):
    """Draws from the normal distribution of the given mean and log variance; adds its divergence as a loss."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = polynet.random.SeedGenerator(7)

    def call(self, inputs):
        """Draw."""
        mean, log_var = inputs
        divergence = -0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=1)
        self.add_loss(0.01 * ops.mean(divergence))
        noise = polynet.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_var) * noise


polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
phase = rng.uniform(0, 2 * np.pi, (1000, 1))
waves = np.sin(np.linspace(0, 2 * np.pi, 32)[None] + phase).astype("float32")

x = polynet.Input((32,))
h = layers.Dense(32, activation="relu")(x)
z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
decoder = polynet.Sequential(
    [polynet.Input((2,)), layers.Dense(32, activation="relu"), layers.Dense(32)], name="decoder"
)
vae = polynet.Model(x, decoder(z))
vae.compile(optimizer=polynet.optimizers.Adam(0.005), loss="mse")
history = vae.fit(waves, waves, epochs=30, batch_size=50, verbose=0).history
drawn = decoder.predict(np.array([[0.0, 1.0], [1.0, 0.0]], "float32"), verbose=0)
print(f"loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}; two waves drawn: {drawn.shape}")
