"""benchmarks/run.py measures, refuses to compare what differs, and its models compile to one graph on torch."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import polynet
from polynet import plugins

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BACKEND = plugins.current().name
ON_TORCH = pytest.mark.skipif(BACKEND != "torch", reason="counts graph breaks of torch.compile")


@pytest.fixture
def benchmarks(monkeypatch):
    """Benchmarks import each other as their programs do."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("loops", "models", "run"):
            del sys.modules[name]


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.skipif(
    BACKEND not in ("numpy", "torch", "jax"), reason="the benchmarks know three backends"
)
def test_run(tmp_path):
    names = [f"polynet-{BACKEND}", "numpy"]
    done = run(
        *("--models", "deep", "mlp-32", "--competitors", *names, "--steps", 2, "--rounds", 3),
        *("--imports", 0, "--no-dispatch", "--threads", 1, "--json", tmp_path / "found.json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Steps per second" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["machine"]["cores"] and found["versions"]["numpy"] == np.__version__
    for by in found["models"].values():
        assert set(by) == set(names)
        for numbers in by.values():
            assert len(numbers["epochs"]) == 3
            assert min(times["wall"] for times in numbers["epochs"]) > 0
            assert numbers["predict"]["processor"] > 0 and numbers["peak"] > 10
    assert bool(found["ratios"]) == (BACKEND == "numpy")  # only then there is a target


def test_keras_is_left_out_without_its_interpreter():
    done = run(
        *("--models", "deep", "--competitors", "numpy", "keras-jax", "--steps", 2, "--rounds", 1),
        *("--imports", 0, "--no-latency", "--no-dispatch"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Keras is left out" in done.stdout


@pytest.mark.usefixtures("benchmarks")
def test_what_differs_is_not_compared():
    import run

    same = {"a": [2.0, 1.9], "b": [2.0, 1.91], "c": [2.00001, 1.9]}
    run.check_losses("deep", same)
    for wrong in ([2.01, 1.9], [2.0, 1.7], [float("nan"), 1.9]):
        with pytest.raises(run.Failed, match="d on deep: losses"):
            run.check_losses("deep", same | {"d": wrong})


@pytest.mark.usefixtures("benchmarks")
def test_ratios():
    import run

    def rounds(*seconds):
        return {"epochs": [{"wall": second} for second in seconds]}

    # the second is slow in the round in which the first is: the ratio stays what it was
    by = {"polynet-torch": rounds(0.1, 0.4, 0.1), "torch": rounds(0.08, 0.32, 0.08)}
    (row,) = run.ratios({"deep": by}, "wall")
    assert row["ratio"] == pytest.approx(0.8)
    assert row["target"] == 0.95 and not row["met"]
    # Keras as fast as a loop by hand sets no target
    by["keras-torch"] = rounds(0.05, 0.05, 0.05)
    rows = run.ratios({"deep": by}, "wall")
    assert [r["target"] for r in rows if r["theirs"] == "keras-torch"] == [None]


def broken_graphs(model, x, y, batch):
    """How often torch left its graph while two steps were compiled and run."""
    from torch._dynamo.utils import counters

    counters.clear()
    model.compile(
        "adam", polynet.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True
    )
    model.fit(x, y, batch_size=batch, verbose=0)
    assert counters["stats"]["unique_graphs"] >= 1  # something was compiled
    return sum(counters["graph_break"].values())


@pytest.fixture
def only_traced(monkeypatch):
    """``torch.compile`` traces, which is what may break, and leaves out the code for the processor."""
    import torch

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    yield
    torch.compiler.reset()


@ON_TORCH
@pytest.mark.usefixtures("benchmarks", "only_traced")
@pytest.mark.parametrize("name", ["cnn", "lstm", "transformer", "deep", "resnet", "decoder"])
def test_no_graph_breaks(name):
    import models

    problem = models.PROBLEMS[name]._replace(batch=2, steps=2)
    model = problem.network.keras(polynet)
    assert broken_graphs(model, *problem.data(), problem.batch) == 0


@ON_TORCH
@pytest.mark.usefixtures("only_traced")
def test_what_cannot_be_in_one_graph_is_an_error():
    class Looks(polynet.Layer):
        def call(self, x):
            computed = isinstance(x, plugins.current().tensor_types)
            return -x if computed and float(x[0, 0]) > 0 else x

    model = polynet.Sequential([polynet.Input((3,)), Looks(), polynet.layers.Dense(2)])
    with pytest.raises(RuntimeError, match="data-dependent"):
        broken_graphs(model, np.ones((4, 3), "float32"), np.zeros(4, "int32"), 2)
