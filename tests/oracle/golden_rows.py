"""What `write_golden.py` writes for the subjects beyond ops, each into JSON files; needs Keras where it says so.

A function for each subject gives what its rows expect.  Nothing of polynet is asked but what a row is made of, and the
bits of `polynet.random`, which its own tests compare with the published answers.
"""

import datetime
import json
import os
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "numpy")
os.environ.setdefault("POLYNET_BACKEND", "numpy")

GOLDEN = Path(__file__).parents[2] / "polynet" / "conformance" / "golden"


def save(name, what, distributions, rows):
    """Write a table: a line a row, after where it comes from."""
    versions = ", ".join(f"{each} {version(each)}" for each in distributions)
    origin = f"{what}; {versions}; Python {platform.python_version()}; {datetime.date.today()}"
    lines = ",\n".join(f"{json.dumps(row)}: {json.dumps(value)}" for row, value in rows.items())
    text = f'{{"origin": {json.dumps(origin)},\n"rows": {{\n{lines}\n}}}}\n'
    (GOLDEN / f"{name}.json").write_text(text, encoding="utf-8")
    return f"{name}: {len(rows)} rows, {len(text):,} bytes"


# ------------------------------------------------------------------------------------------ layers


def layers(*families):
    """Keras's answers to the rows about layers; where random numbers are drawn, polynet's own on NumPy."""
    import keras

    from polynet.conformance import layers as subject
    from polynet.conformance.stored import Wrong

    said = []
    for family in families or subject.FAMILIES:
        found = {}
        for row in subject.table(family).ROWS:
            if isinstance(row, Wrong):
                continue
            try:
                found[row.id] = drawn(row) if row.draws else by_keras(row)
            except Exception as error:
                raise RuntimeError(f"{row.id}: {error}") from error
        what = f"Keras on {keras.backend.backend()}; of rows that draw, polynet's bits on NumPy"
        said.append(save(f"layers_{family}", what, ("keras", "numpy"), found))
    return "\n".join(said)


def prepared_by_keras(row, **kwargs):
    import keras
    from keras.src.backend import set_keras_mask

    from polynet.conformance.layers.row import weight_values

    layer = row.make(keras, **kwargs)
    tensors = [keras.ops.convert_to_tensor(array) for array in row.arrays()]
    for tensor, mask in zip(tensors, row.masks or (), strict=False):
        if mask is not None:
            set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    args, kwargs = row.arguments(tensors)
    if not layer.built or not layer.weights:
        layer(*args, **{**kwargs, **({"training": False} if "training" in kwargs else {})})
    layer.set_weights(weight_values(layer))
    if hasattr(layer, "finalize_state"):  # Keras looks at these weights only here
        layer.finalize_state()
    for tensor, mask in zip(tensors, row.masks or (), strict=False):
        if mask is not None:
            set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    return layer, args, kwargs


def by_keras(row):
    """What is stored of Keras's answer to a row about a layer."""
    import keras
    from keras.src.backend import get_keras_mask

    from polynet.conformance.layers.row import summary

    def host(x):
        return keras.ops.convert_to_numpy(x)

    layer, args, kwargs = prepared_by_keras(row)
    leaves = keras.tree.flatten(layer(*args, **kwargs))
    mask = get_keras_mask(leaves[0])
    dtypes = {}
    symbolic = None
    for policy in () if row.fixed_batch else ("float32", "mixed_float16", "mixed_bfloat16"):
        kind = "int32" if row.integers else "float32"
        symbols = [keras.Input(batch_shape=shape, dtype=kind) for shape in row.symbolic_shapes()]
        more, named = row.arguments(symbols)
        found = keras.tree.flatten(row.make(keras, dtype=policy)(*more, **named))
        dtypes[policy] = [output.dtype for output in found]
        symbolic = symbolic or [list(output.shape) for output in found]
    return {
        "weights": [list(weight.shape) for weight in layer.weights],
        "shapes": [list(leaf.shape) for leaf in leaves],
        "values": [summary(host(leaf)) for leaf in leaves],
        "mask": None if mask is None else host(mask).astype(int).tolist(),
        "after": [summary(host(w)) for w in layer.weights if not w.trainable],
        "symbolic": symbolic,
        "dtypes": dtypes,
    }


def drawn(row):
    """Two calls of a layer that draws, by polynet on NumPy."""
    from polynet import plugins
    from polynet.conformance.layers.checks import Trial
    from polynet.conformance.layers.row import summary
    from polynet.conformance.stored import host

    trial = Trial(row, plugins.current(), None)
    layer = trial.ready(trial.make(), trial.tensors())
    calls = [trial.call(layer, trial.tensors()) for _ in range(2)]
    return {"mask": None, "draws": [[summary(host(leaf)) for leaf in call] for call in calls]}


# ------------------------------------------------------------------------------------------ optimizers


def optimizers():
    """Keras's variables and weights after 20 steps, and the values of its schedules."""
    import keras

    from polynet.conformance.optimizers import table

    def short(values):
        return [float(f"{x:.9g}") for x in values]

    found = {}
    for row in table.ROWS:
        keras.backend.clear_session()
        optimizer, variables = row.run(keras)
        if optimizer.use_ema:
            optimizer.finalize_variable_values(variables)
        found[row.id] = {
            "variables": [[v.path, list(v.shape), str(v.dtype)] for v in optimizer.variables],
            "weights": [short(keras.ops.convert_to_numpy(v).ravel()) for v in variables],
        }
    for row in table.SCHEDULES:
        schedule = row.construct(keras.optimizers)
        found[row.id] = short(float(schedule(step)) for step in table.SCHEDULE_STEPS)
    return save("optimizers", f"Keras on {keras.backend.backend()}", ("keras", "numpy"), found)


# ------------------------------------------------------------------------------------------ losses


def losses():
    """The formulas of `loss_formulas.py`: losses of examples, and derivatives of their sum by the outputs."""
    from loss_formulas import FORMULAS, slopes

    from polynet.conformance.losses import table

    found = {}
    for row, formula in zip(table.ROWS, FORMULAS, strict=True):
        t, p = row.y_true.astype("float64"), row.y_pred.astype("float64")
        found[row.id] = {
            "each": rounded(formula(t, p)),
            "gradient": rounded(slopes(formula, t, p)),
        }
    return save("losses", "formulas", ("numpy", "scipy"), found)


def rounded(array):
    """Nested lists with ten digits."""
    if isinstance(array, list):
        return [rounded(entry) for entry in array]
    return rounded(array.tolist()) if hasattr(array, "tolist") else float(f"{array:.10g}")


# ------------------------------------------------------------------------------------------ metrics


def metrics():
    """Keras's results after the batches of each row."""
    import keras

    from polynet.conformance.metrics import table

    found = {}
    for row in table.ROWS:
        result = metric_by_keras(row)
        found[row.id] = {"value": rounded(result.astype("float64")), "dtype": str(result.dtype)}
    return save("metrics", f"Keras on {keras.backend.backend()}", ("keras", "numpy"), found)


def metric_by_keras(row):
    import keras
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too many regressors; divisions that come to nothing
        metric = getattr(keras.metrics, row.name)(**row.arguments)
        for batch in row.batches():
            metric.update_state(*batch)
        return np.asarray(keras.ops.convert_to_numpy(metric.result()))


# ------------------------------------------------------------------------------------------ random


def random():
    """The bits of polynet on NumPy, and moments and deciles of distributions by SciPy."""
    from polynet.conformance.random import ROWS

    return save("random", "polynet's own bits, on NumPy", ("numpy", "scipy"), of_calls(ROWS))


def initializers():
    """The bits of polynet on NumPy, and moments and deciles of distributions by SciPy."""
    from polynet.conformance.initializers import ROWS

    return save("initializers", "polynet's own bits, on NumPy", ("numpy", "scipy"), of_calls(ROWS))


def of_calls(rows):
    from scipy import stats

    from polynet.conformance.calls import kept

    return {
        row.id: kept(row, row.distribution and eval(row.distribution, vars(stats))) for row in rows
    }


# ------------------------------------------------------------------------------------------ activations


def activations():
    """The formulas of `activation_formulas.py`, and their derivatives by differences."""
    import numpy as np
    from activation_formulas import FORMULAS

    from polynet.conformance.activations import ROWS, SMOOTH, X

    found = {}
    for row, formula in zip(ROWS, FORMULAS, strict=True):
        x = SMOOTH.astype("float64")
        steps = 1e-6 * np.eye(x.size)
        slopes = [(formula(x + step) - formula(x - step)).sum() / 2e-6 for step in steps]
        found[row.id] = {"values": rounded(formula(X.astype("float64"))), "slopes": rounded(slopes)}
    return save("activations", "formulas", ("numpy", "scipy"), found)


# ------------------------------------------------------------------------------------------ curves


def curves():
    """The losses of models written out in torch."""
    from curves_by_torch import losses

    from polynet.conformance.curves import ROWS

    found = {row.id: [float(f"{loss:.15g}") for loss in losses(row)] for row in ROWS}
    assert all(sum(curve[-8:]) < sum(curve[:8]) for curve in found.values())
    what = "models in torch, in float64, with dropout and order by polynet's bits"
    return save("curves", what, ("torch", "numpy"), found)


# ------------------------------------------------------------------------------------------ by name

COMMANDS = {
    function.__name__: function
    for function in (random, initializers, activations, layers, losses, metrics, optimizers, curves)
}
