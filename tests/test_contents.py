"""The contents page of polynet: each name is there, whatever was asked for before, and typed where it is defined."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polynet


@pytest.mark.parametrize("name", polynet.__all__)
def test_each_name_is_found_in_a_new_process_after_every_other(name):
    others = [other for other in polynet.__all__ if other != name]
    code = f"import polynet; [getattr(polynet, n) for n in {others!r}]; print(type(polynet.{name}).__name__)"
    if name not in (
        "convert",
        "device",
        "random",
        "Variable",
    ):  # one process is enough for the rest
        assert getattr(polynet, name) is getattr(polynet, name)
        return
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = {
        "convert": "function",
        "device": "function",
        "random": "module",
        "Variable": "type",
    }[name]
    assert run.stdout.strip() == expected


def test_type_checkers_see_what_is_loaded_when_used():
    page = ast.parse(Path(polynet.__file__).read_text(encoding="utf-8"))
    block = next(node for node in page.body if isinstance(node, ast.If))
    seen = {}
    for statement in block.body:
        for alias in statement.names:
            seen[alias.name] = statement.module
    assert {n: m for n, m in seen.items() if m != "polynet"} == {
        n: f"polynet.{m}" for n, m in polynet._NAMES.items()
    }
    assert {n for n, m in seen.items() if m == "polynet"} == polynet._MODULES
    assert sorted(polynet.__all__) == sorted({*seen, "__version__", "version"})


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'polynet' has no attribute 'Variables'"):
        _ = polynet.Variables


def test_the_pages_of_ops_gather_by_subject():
    from polynet import ops

    for page, names in {
        "numpy": ("add", "reshape", "einsum", "mean", "sort", "take", "linspace"),
        "nn": ("relu", "conv", "softmax", "dot_product_attention", "one_hot", "ctc_loss"),
        "linalg": ("qr", "svd", "solve", "norm"),
        "image": ("resize", "affine_transform", "extract_patches"),
    }.items():
        for name in names:
            assert callable(getattr(getattr(ops, page), name))
            assert page == "image" or getattr(getattr(ops, page), name) is getattr(ops, name)
