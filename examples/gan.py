"""Two networks against each other: a ``train_step`` of one's own, with two optimizers."""

import numpy as np

import polynet
from polynet import layers, ops


class GAN(polynet.Model):
    """A generator, and a discriminator that tells its points from true ones."""

    def __init__(self, generator, discriminator, noise):
        super().__init__()
        self.generator, self.discriminator, self.noise = generator, discriminator, noise
        self.seed = polynet.random.SeedGenerator(3)
        self.bce = polynet.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, generator_optimizer, discriminator_optimizer):
        """Say how both are trained."""
        super().compile(optimizer=None)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data):
        """Train the discriminator on true and drawn points, then the generator to deceive it."""
        (real,) = data
        count = ops.shape(real)[0]

        def draw():
            return self.generator(polynet.random.normal((count, self.noise), seed=self.seed))

        def of_discriminator():
            scores = self.discriminator(ops.concatenate([real, draw()]))
            truth = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))])
            return self.bce(truth, scores)

        def of_generator():
            return self.bce(ops.ones((count, 1)), self.discriminator(draw()))

        losses = {}
        for name, loss, network, optimizer in (
            ("d_loss", of_discriminator, self.discriminator, self.discriminator_optimizer),
            ("g_loss", of_generator, self.generator, self.generator_optimizer),
        ):
            variables = network.trainable_variables
            losses[name], gradients = polynet.value_and_grad(loss, variables=variables)()
            optimizer.apply(gradients, variables)
        return losses


polynet.utils.set_random_seed(0)
rng = np.random.default_rng(0)
points = rng.normal((2.0, -1.0), (0.5, 0.2), (2000, 2)).astype("float32")

generator = polynet.Sequential(
    [polynet.Input((4,)), layers.Dense(32, activation="relu"), layers.Dense(2)]
)
discriminator = polynet.Sequential(
    [polynet.Input((2,)), layers.Dense(32, activation="leaky_relu"), layers.Dense(1)]
)
gan = GAN(generator, discriminator, noise=4)
gan.compile(polynet.optimizers.Adam(0.002, beta_1=0.5), polynet.optimizers.Adam(0.002, beta_1=0.5))
gan.fit(points, epochs=12, batch_size=64, verbose=0)
drawn = generator.predict(rng.normal(size=(1000, 4)).astype("float32"), verbose=0)
print(f"true mean ({points[:, 0].mean():.1f}, {points[:, 1].mean():.1f})")
print(f"drawn mean ({drawn[:, 0].mean():.1f}, {drawn[:, 1].mean():.1f})")
