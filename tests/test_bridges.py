"""Layers around the libraries' own models, and models in the libraries' form, against the libraries themselves."""

import copy
import pickle
import threading

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.layers import bridges

BACKEND = polynet.config.backend()
on_torch = pytest.mark.skipif(BACKEND != "torch", reason="about modules of torch")
on_jax = pytest.mark.skipif(BACKEND != "jax", reason="about functions of JAX")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 5)).astype("float32")
Y = (X @ RNG.normal(size=(5, 1)) + 0.5).astype("float32")


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


def model_with_state():
    polynet.utils.set_random_seed(1)
    return polynet.Sequential(
        [
            polynet.Input((5,)),
            layers.Dense(8, "relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.2),
            layers.Dense(1, name="head"),
        ],
        name="net",
    )


# ------------------------------------------------------------------------------------------ on every backend


@pytest.mark.parametrize(
    ("name", "needs", "argument"),
    [("TorchModuleWrapper", "torch", None), ("JaxLayer", "jax", abs), ("FlaxLayer", "jax", None)],
)
def test_every_bridge_exists_and_says_which_backend_it_needs(name, needs, argument):
    bridge = getattr(layers, name)
    assert issubclass(bridge, polynet.Layer) and name in dir(layers)
    assert bridges.bridges()[name][0] == bridge.needs == needs
    if needs == BACKEND:
        return
    with pytest.raises(polynet.errors.BackendError) as caught:
        bridge(argument)
    text = str(caught.value)
    assert text.startswith(f"{name} needs the backend '{needs}'; '{BACKEND}' is active.")
    assert f"POLYNET_BACKEND={needs}" in text and f"polynet.set_backend('{needs}')" in text


def test_what_is_no_layer_is_no_name():
    for name in ("AcmeLayer", "acme"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(layers, name)


@pytest.mark.skipif(BACKEND != "numpy", reason="the other libraries have models")
def test_a_library_without_models():
    with pytest.raises(polynet.errors.BackendError, match="'numpy' has no models of its own"):
        model_with_state().as_native()


@pytest.mark.skipif(BACKEND == "numpy", reason="as_native is refused before")
def test_a_model_without_weights_has_no_native_form():
    model = polynet.Sequential([layers.Dense(2, name="late")])
    with pytest.raises(ValueError, match="'late' has no weights yet"):
        model.as_native()


def test_names_of_weights_are_unlike_each_other():
    model = polynet.Sequential(
        [polynet.Input((3,)), layers.Dense(2, name="a"), layers.Dense(2, name="b")], name="m"
    )
    kernel = model.layers[1].kernel
    kernel.path = "a/kernel"
    assert bridges.weight_names(model, model.weights) == [
        ("a", "kernel"),
        ("a", "bias"),
        ("a", "kernel_1"),
        ("b", "bias"),
    ]


# ------------------------------------------------------------------------------------------ torch


@on_torch
def test_a_module_trains_under_fit_as_by_torch():
    import torch

    ours = torch.nn.Linear(5, 1)
    theirs = copy.deepcopy(ours)
    weight = ours.weight
    model = polynet.Sequential([layers.TorchModuleWrapper(ours, name="line")])
    model.compile(polynet.optimizers.SGD(0.1), "mse")
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1)
    for _ in range(4):
        model.train_on_batch(X, Y)
        optimizer.zero_grad()
        ((theirs(torch.tensor(X)) - torch.tensor(Y)) ** 2).mean().backward()
        optimizer.step()
    assert ours.weight is weight
    np.testing.assert_allclose(numbers(ours.weight), numbers(theirs.weight), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(ours.bias), numbers(theirs.bias), rtol=1e-5, atol=1e-6)


@on_torch
@pytest.mark.parametrize("compile", [False, True])
def test_gradients_reach_every_kind_of_module(compile):
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(5, 6), torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 2)
    )
    module[2].weight = torch.nn.Parameter(module[2].weight.detach() * 2)
    layer = layers.TorchModuleWrapper(module)
    other = copy.deepcopy(module).train()
    x = torch.tensor(X)

    def loss(x):
        return ops.sum(layer(x, training=True) ** 2)

    step = polynet.jit(
        lambda x: polynet.value_and_grad(loss, variables=layer.trainable_variables)(x),
        compile=compile,
    )
    value, found = step(x)
    expected = (other(x) ** 2).sum()
    gradients = torch.autograd.grad(expected, list(other.parameters()))
    np.testing.assert_allclose(float(value), numbers(expected), rtol=1e-5)
    for ours, theirs in zip(found, gradients, strict=True):
        np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-3, atol=1e-4)
    assert int(module[1].num_batches_tracked) == 1
    np.testing.assert_allclose(
        numbers(module[1].running_mean), numbers(other[1].running_mean), rtol=1e-5
    )


@on_torch
def test_gradients_of_a_recurrent_module_and_of_a_tied_one():
    import torch

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
            self.two.weight = self.one.weight

        def forward(self, x):
            return self.two(self.one(x))

    for module, shape in ((torch.nn.LSTM(3, 4, batch_first=True), (2, 6, 3)), (Tied(), (2, 4))):
        layer = layers.TorchModuleWrapper(module)
        x = torch.ones(shape)

        def total(x, call):
            found = call(x)
            return (found[0] if isinstance(found, tuple) else found).sum()

        _, ours = polynet.value_and_grad(
            lambda x, f=layer: total(x, f), variables=layer.trainable_variables
        )(x)
        theirs = torch.autograd.grad(total(x, module), list(module.parameters()))
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert float(other.abs().max()) > 0
            np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-5, atol=1e-6)


@on_torch
def test_both_sides_see_what_the_other_changes():
    import torch

    module = torch.nn.Linear(2, 2)
    layer = layers.TorchModuleWrapper(module)
    kernel = layer.weights[0]
    held = kernel.value
    before = numbers(held).copy()
    kernel.assign(np.ones((2, 2)))
    assert numbers(module.weight).tolist() == [[1, 1], [1, 1]]
    assert (numbers(held) == before).all()  # who read the old value keeps it
    with torch.no_grad():
        module.weight.mul_(3)
    assert kernel.numpy().tolist() == [[3, 3], [3, 3]]
    module.load_state_dict({"weight": torch.zeros(2, 2), "bias": torch.ones(2)})
    assert kernel.numpy().tolist() == [[0, 0], [0, 0]]
    module.weight.requires_grad_(False)
    assert not kernel.trainable and len(layer.trainable_weights) == 1
    layer.trainable = False
    assert not module.bias.requires_grad
    layer.trainable = True
    assert module.bias.requires_grad


@on_torch
def test_a_module_follows_training():
    import torch

    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(5))
    layer = layers.TorchModuleWrapper(module)
    x = torch.tensor(X)
    first = layer(x)
    assert not module.training and not module[0].training
    assert (numbers(first) == numbers(layer(x, training=False))).all()
    assert int(module[1].num_batches_tracked) == 0
    trained = layer(x, training=True)
    assert module[0].training and (numbers(first) != numbers(trained)).any()
    assert int(module[1].num_batches_tracked) == 1


@on_torch
def test_shapes_of_a_module_without_running_it():
    import torch

    ran = []
    module = torch.nn.Conv2d(3, 4, 3, stride=2)
    module.register_forward_hook(lambda module, args, y: ran.append(type(y).__name__))
    y = layers.TorchModuleWrapper(module)(polynet.Input((3, 9, 9)))
    assert y.shape == (None, 4, 4, 4)
    assert ran and set(ran) == {"FakeTensor"}
    model = polynet.Sequential([layers.TorchModuleWrapper(module), layers.Flatten()])
    assert model.compute_output_shape((None, 3, 9, 9)) == (None, 64)
    assert set(ran) == {"FakeTensor"}
    y = layers.TorchModuleWrapper(module, output_shape=(None, 4, 7, 7))(polynet.Input((3, 9, 9)))
    assert y.shape == (None, 4, 7, 7)


@on_torch
def test_threads_take_turns_in_a_module():
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.BatchNorm1d(16))
    model = polynet.Sequential([layers.TorchModuleWrapper(module)])
    expected = model.predict(X, verbose=0)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(model.predict(X, verbose=0))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all((one == expected).all() for one in found)


@on_torch
def test_what_no_module_is():
    import torch

    with pytest.raises(TypeError, match=r"'m': module: expected a torch.nn.Module; got function"):
        layers.TorchModuleWrapper(lambda x: x, name="m")
    with pytest.raises(ValueError, match="LazyLinear has parameters whose shapes are not known"):
        layers.TorchModuleWrapper(torch.nn.LazyLinear(2))
    with pytest.raises(TypeError, match="get_config: what it is around is code"):
        layers.TorchModuleWrapper(torch.nn.Linear(1, 1)).get_config()


@on_torch
def test_copies_of_a_wrapped_module_are_independent_and_tied_to_their_own():
    import torch

    layer = layers.TorchModuleWrapper(torch.nn.Linear(2, 1))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.weights[0].assign(np.full((1, 2), 7.0))
        assert numbers(other.module.weight).tolist() == [[7, 7]]
        assert (numbers(layer.module.weight) != 7).all()


@on_torch
def test_a_wrapped_module_keeps_its_weights_by_name():
    import torch

    layer = layers.TorchModuleWrapper(torch.nn.Sequential(torch.nn.Linear(2, 1)))
    other = layers.TorchModuleWrapper(torch.nn.Sequential(torch.nn.Linear(2, 1)))
    store = {}
    layer.save_own_variables(store)
    assert list(store) == ["0.weight", "0.bias"]
    other.load_own_variables(store)
    assert (numbers(other.module[0].weight) == numbers(layer.module[0].weight)).all()


@on_torch
def test_a_loop_of_torch_trains_a_model_as_fit_does():
    import torch

    model, other = model_with_state(), model_with_state()
    for layer in (*model.layers, *other.layers):
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    native = model.as_native().train()
    optimizer = torch.optim.SGD(native.parameters(), 0.1)
    other.compile(polynet.optimizers.SGD(0.1), "mse")
    x, y = torch.tensor(X), torch.tensor(Y)
    for _ in range(5):
        optimizer.zero_grad()
        ((native(x) - y) ** 2).mean().backward()
        optimizer.step()
        other.train_on_batch(X, Y)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        numbers(native.eval()(x)), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )
    assert not np.allclose(numbers(native.norm.moving_mean), 0)


@on_torch
def test_state_dict_is_the_weights():
    model = model_with_state()
    native = model.as_native()
    kept = {name: value.clone() for name, value in native.state_dict().items()}
    assert list(kept) == [
        *("first.kernel", "first.bias", "norm.gamma", "norm.beta"),
        *("norm.moving_mean", "norm.moving_variance", "head.kernel", "head.bias"),
    ]
    assert len(list(native.parameters())) == 6 and len(list(native.buffers())) == 2
    model.compile(polynet.optimizers.SGD(0.1), "mse")
    before = model.predict(X, verbose=0)
    model.fit(X, Y, verbose=0)
    assert all(
        (numbers(native.state_dict()[name]) == weight.numpy()).all()
        for name, weight in zip(kept, model.weights, strict=True)
    )
    assert (model.predict(X, verbose=0) != before).any()
    native.load_state_dict(kept)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)


@on_torch
def test_a_native_module_adds_losses_and_takes_other_parameters():
    import torch

    model = polynet.Sequential(
        [polynet.Input((5,)), layers.Dense(1, kernel_regularizer="l2", name="head")]
    )
    native = model.as_native()
    x = torch.tensor(X)
    native(x)
    (loss,) = native.losses()
    (gradient,) = torch.autograd.grad(loss, [native.head.kernel])
    np.testing.assert_allclose(numbers(gradient), 0.02 * model.weights[0].numpy(), rtol=1e-5)
    zeros = {name: value * 0 for name, value in native.state_dict().items()}
    assert (numbers(torch.func.functional_call(native, zeros, (x,))) == 0).all()
    assert (numbers(native(x)) != 0).any()
    again = model.as_native()
    assert again.head.kernel is native.head.kernel


@on_torch
def test_a_module_within_a_native_model_is_trained_by_torch():
    import torch

    inner = torch.nn.Linear(5, 4)
    model = polynet.Sequential([layers.TorchModuleWrapper(inner), layers.Dense(1, name="head")])
    model(torch.tensor(X))
    native = model.as_native()
    ((native(torch.tensor(X)) - torch.tensor(Y)) ** 2).mean().backward()
    assert any(parameter is inner.weight for parameter in native.parameters())
    assert float(inner.weight.grad.abs().max()) > 0
    assert float(native.head.kernel.grad.abs().max()) > 0


# ------------------------------------------------------------------------------------------ JAX


def line(params, inputs):
    return inputs @ params["w"] + params["b"]


@on_jax
def test_a_function_of_jax_trains_under_fit_as_by_hand():
    import jax
    import jax.numpy as jnp

    params = {"w": jnp.ones((5, 1)), "b": jnp.zeros(1)}
    layer = layers.JaxLayer(line, params=params)
    model = polynet.Sequential([layer])
    model.compile(polynet.optimizers.SGD(0.1), "mse")
    gradient = jax.grad(lambda p: jnp.mean((line(p, X) - Y) ** 2))
    for _ in range(4):
        model.train_on_batch(X, Y)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient(params))
    assert {weight.name for weight in layer.weights} == {"w", "b"}
    np.testing.assert_allclose(layer.params["w"].numpy(), params["w"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.params["b"].numpy(), params["b"], rtol=1e-5, atol=1e-6)


@on_jax
def test_init_state_rng_and_training():
    import jax
    import jax.numpy as jnp

    seen = []

    def init(rng, inputs):
        seen.append((inputs.shape, inputs.dtype, rng.shape))
        return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "fixed": "text"}, jnp.zeros(
            (), "int32"
        )

    def call(params, state, rng, inputs, training):
        assert (rng is None) == (not training)
        noise = jax.random.normal(rng, (2,)) if training else 0.0
        return inputs @ params["w"] + noise, state + 1

    layer = layers.JaxLayer(call, init, seed=3)
    out = layer(polynet.Input((5,)))
    assert out.shape == (None, 2)
    assert seen == [((1, 5), jnp.dtype("float32"), (2,))]
    assert layer.params["fixed"] == "text" and len(layer.trainable_weights) == 1
    count = layer.state
    plain = layer(X)
    assert int(count) == 1  # shapes were found without calling
    np.testing.assert_allclose(plain, X @ layer.params["w"].numpy(), rtol=1e-5, atol=1e-5)
    one, two = layer(X, training=True), layer(X, training=True)
    assert (numbers(one) != numbers(two)).any() and int(count) == 3
    again = layers.JaxLayer(call, init, seed=3)
    again(X)
    assert (again.params["w"].numpy() == layer.params["w"].numpy()).all()
    assert (numbers(again(X, training=True)) == numbers(one)).all()


@on_jax
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.JaxLayer(lambda x: x), "call_fn: expected the parameters params, .* 'x'"),
        (lambda: layers.JaxLayer(lambda params: 1), "call_fn: expected a parameter 'inputs'"),
        (lambda: layers.JaxLayer(line), "call_fn takes params; expected init_fn, params or state"),
        (
            lambda: layers.JaxLayer(line, lambda inputs, key: 1),
            "init_fn: expected the parameters rng, inputs, training",
        ),
    ],
)
def test_functions_that_do_not_fit(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@on_jax
def test_a_function_without_state_that_should_have_one():
    layer = layers.JaxLayer(lambda state, inputs: inputs, state={"n": np.zeros(1, "float32")})
    with pytest.raises(ValueError, match=r"call_fn: expected \(outputs, state\)"):
        layer(X)
    layer = layers.JaxLayer(lambda state, inputs: (inputs, {}), state={"n": np.zeros(1, "float32")})
    with pytest.raises(ValueError, match="expected a new state of the structure of the old one"):
        layer(X)


def flax_net():
    linen = pytest.importorskip("flax.linen", reason="Flax is no dependency of the tests")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, training=False):
            x = linen.BatchNorm(use_running_average=not training)(linen.Dense(8)(x))
            return linen.Dense(1)(linen.Dropout(0.3, deterministic=not training)(x))

    return Net()


@on_jax
def test_a_module_of_linen():
    import jax

    net = flax_net()
    variables = net.init(jax.random.PRNGKey(0), X)
    layer = layers.FlaxLayer(net, variables=variables)
    np.testing.assert_allclose(layer(X), net.apply(variables, X), rtol=1e-5, atol=1e-5)
    y, changed = net.apply(
        variables, X, training=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(0)}
    )
    trained = layer(X, training=True)
    assert trained.shape == y.shape and (numbers(trained) != numbers(layer(X))).any()
    mean = changed["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(
        layer.state["batch_stats"]["BatchNorm_0"]["mean"].numpy(), mean, rtol=1e-4, atol=1e-6
    )
    model = polynet.Sequential([layers.FlaxLayer(net)])
    model.compile(polynet.optimizers.Adam(0.05), "mse")
    losses = model.fit(X, Y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@on_jax
def test_another_method_of_a_module():
    linen = pytest.importorskip("flax.linen", reason="Flax is no dependency of the tests")

    class Net(linen.Module):
        @linen.compact
        def forward(self, x, y):
            return linen.Dense(1, use_bias=False)(x) + y

    layer = layers.FlaxLayer(Net(), method=lambda module, inputs: module.forward(*inputs))
    found = layer((X, Y))
    np.testing.assert_allclose(found, X @ layer.weights[0].numpy() + Y, rtol=1e-5, atol=1e-5)
    with pytest.raises(TypeError, match=r"module: expected a module of flax.linen .* got function"):
        layers.FlaxLayer(line)


@on_jax
def test_a_module_of_nnx():
    nnx = pytest.importorskip("flax.nnx", reason="Flax is no dependency of the tests")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.one, self.norm = nnx.Linear(5, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
            self.drop, self.two = nnx.Dropout(0.3, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)

        def __call__(self, x):
            return self.two(self.drop(self.norm(self.one(x))))

    net = Net(nnx.Rngs(0))
    layer = layers.FlaxLayer(net)
    assert {weight.name for weight in layer.non_trainable_weights} == {"norm.mean", "norm.var"}
    model = polynet.Sequential([layer])
    model.compile(polynet.optimizers.Adam(0.05), "mse")
    net.eval()
    np.testing.assert_allclose(model.predict(X, verbose=0), net(X), rtol=1e-4, atol=1e-4)
    losses = model.fit(X, Y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert (numbers(layer(X, training=True)) != numbers(layer(X, training=True))).any()
    copy.deepcopy(model)


@on_jax
def test_a_model_as_a_pure_function():
    import jax
    import jax.numpy as jnp

    model, other = model_with_state(), model_with_state()
    before = model.get_weights()
    params, apply = model.as_native()
    assert sorted(params) == ["first", "head", "norm"]
    np.testing.assert_array_equal(params["head"]["kernel"], before[-2])
    np.testing.assert_allclose(apply(params, X), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)

    @jax.jit
    def step(params, state):
        def loss(params):
            outputs, new = apply(params, X, training=True, state=state)
            return jnp.mean((outputs - Y) ** 2), new

        gradients, state = jax.grad(loss, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), state

    state = apply.state()
    other.compile(polynet.optimizers.SGD(0.1), "mse")
    for _ in range(4):
        params, state = step(params, state)
        other.train_on_batch(X, Y)
    for now, then in zip(model.get_weights(), before, strict=True):
        assert (now == then).all()  # the model did not change
    apply.assign(params, state)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


@on_jax
def test_a_model_trained_by_optax():
    import jax
    import jax.numpy as jnp

    optax = pytest.importorskip("optax", reason="optax is no dependency of the tests")
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(1)])
    params, apply = model.as_native()
    optimizer = optax.adam(0.1)
    memory = optimizer.init(params)
    loss = jax.jit(jax.value_and_grad(lambda p: jnp.mean((apply(p, X) - Y) ** 2)))
    for _ in range(80):
        value, gradients = loss(params)
        updates, memory = optimizer.update(gradients, memory)
        params = optax.apply_updates(params, updates)
    assert float(value) < 0.01
    apply.assign(params)
    np.testing.assert_allclose(model.predict(X, verbose=0), Y, atol=0.4)


@on_jax
def test_what_apply_refuses():
    model = model_with_state()
    params, apply = model.as_native()
    with pytest.raises(ValueError, match="apply: state: with training=True the call changes"):
        apply(params, X, training=True)
    with pytest.raises(ValueError, match=r"params: .* 'first/kernel' is missing"):
        apply({}, X)
    with pytest.raises(ValueError, match=r"params: .* of 6 tensors; got 7"):
        apply({**params, "more": X}, X)
    params["head"]["bias"] = np.zeros(2)
    with pytest.raises(polynet.errors.ShapeError, match=r"has shape \(1,\); got .* \(2,\)"):
        apply(params, X)
