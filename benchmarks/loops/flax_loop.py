"""A loop by hand in JAX, with flax and optax."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import models


def libraries(**_: Any) -> None:
    import flax.linen  # noqa: F401
    import optax  # noqa: F401


class Loop:
    """The loop that flax's tutorials show: a compiled step whose state is given away."""

    def __init__(self, problem: models.Problem):
        import jax
        import jax.numpy as jnp
        import optax

        self.batch, self.jax = problem.batch, jax
        module, variables = problem.network.flax(problem.weights())
        variables = jax.tree.map(jnp.asarray, variables)
        params = variables.pop("params")
        optimizer = optax.adam(models.LEARNING_RATE, eps=models.EPSILON)
        self.state = (params, variables, optimizer.init(params), jnp.zeros(()))

        @partial(jax.jit, donate_argnums=0)
        def step(state, x, y):
            params, others, moments, total = state

            def loss_of(params):
                logits, changed = module.apply(
                    {"params": params, **others}, x, mutable=list(others)
                )
                each = optax.softmax_cross_entropy_with_integer_labels(logits, y)
                return each.mean(), changed

            (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
            updates, moments = optimizer.update(gradients, moments, params)
            return (optax.apply_updates(params, updates), others, moments, total + loss), loss

        self.step = step
        serving = module.clone(train=False) if hasattr(module, "train") else module
        self.forward = jax.jit(
            lambda params, others, x: serving.apply({"params": params, **others}, x)
        )
        self.ready = jnp.asarray

    def take(self, x, y):
        self.x, self.y = x, y

    def losses(self, steps):
        found = []
        for _ in range(steps):
            self.state, loss = self.step(self.state, self.x[: self.batch], self.y[: self.batch])
            found.append(float(loss))
        return found

    def epoch(self):
        *state, _ = self.state
        self.state = (*state, self.jax.numpy.zeros(()))
        order = np.random.permutation(len(self.x))
        for at in range(0, len(order), self.batch):
            rows = order[at : at + self.batch]
            self.state, _ = self.step(self.state, self.x[rows], self.y[rows])
        return float(self.state[3]) / (len(order) // self.batch)

    def outputs(self, x):
        return np.asarray(self.call(x))

    def call(self, x):
        params, others, _, _ = self.state
        return self.forward(params, others, x)
