"""Files that were made to do harm, or were damaged: nothing is run, nothing else is opened, and the error is ours.

Each file is loaded in a process that is watched by an audit hook (hostile_loads.py).  The catalogue follows the ways
in which model files have done harm elsewhere.  ``POLYNET_FUZZ=20000`` tries that many changed files of each kind.
Thousands more are loaded within this process, where what comes out of each is compared with what was saved.
"""

import collections
import contextlib
import copy
import io
import json
import os
import random
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import polynet
from polynet import layers
from polynet.saving import container, progress, weights

PROGRAM = Path(__file__).with_name("hostile_loads.py")
COUNT = int(os.environ.get("POLYNET_FUZZ", "150"))
MEMORY = 64 << 20
BOMB = 10**11


def make():
    model = polynet.Sequential([polynet.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a good model file, and a good file of weights."""
    folder = tmp_path_factory.mktemp("good")
    model = make()
    model.save(folder / "m.polynet")
    model.save_weights(folder / "w.safetensors")
    return folder


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if name != "manifest.json"}


def loads(good, paths):
    """What became of each file: [path, how it ended, seconds, bytes of memory, events]."""
    benign = ",".join(map(str, sorted(good.iterdir())))
    done = subprocess.run(
        # to print a warning, Python opens the source
        [sys.executable, "-W", "ignore", str(PROGRAM), benign],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + len(paths),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row[0] for row in found] == [str(path) for path in paths]
    return found


def complaints(rows, may_load=()):
    """What went wrong in loads that were to be refused."""
    for path, ended, seconds, memory, events in rows:
        name = Path(path).name
        if ended.startswith("broken") or (ended == "loaded" and Path(path).stem not in may_load):
            yield f"{name}: {ended}"
        if ended.startswith("refused") and path not in ended:
            yield f"{name}: the error does not name the file: {ended}"
        if seconds > 1:
            yield f"{name}: {seconds:.1f} s"
        if memory > MEMORY + 2 * os.path.getsize(path):
            yield f"{name}: {memory >> 20} MiB"
        opened = [event for event in events if event[0] == "open" and event[1] == repr(path)]
        others = [event for event in events if event not in opened]
        if len(opened) > 1 or others:
            yield f"{name}: {others or opened}"


# ------------------------------------------------------------------------------------------ configs

CONFIGS = {}
"""What is wrong with config.json, by name: a function of the good one."""


def config(change):
    CONFIGS[change.__name__] = change
    return change


def dense(made, **arguments):
    """The config with other arguments of its first Dense."""
    made["config"]["layers"][1]["config"].update(arguments)
    return made


def layer(made, name, **arguments):
    """The config with another layer first."""
    entry = {"kind": "layers", "class_name": name, "config": arguments}
    made["config"]["layers"].insert(1, entry)
    return made


CODE = "4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMIAAAAfABkARsAUwA="


@config
def lambda_of_bytecode(made):
    function = {
        "class_name": "__lambda__",
        "config": {"code": CODE, "defaults": None, "closure": None},
    }
    return layer(made, "Lambda", function=function)


@config
def lambda_of_bytecode_in_a_list(made):
    return layer(made, "Lambda", function=[CODE, None, None])


for where, what in [
    ("os", "system"),
    ("builtins", "eval"),
    ("subprocess", "Popen"),
    ("pickle", "loads"),
]:
    CONFIGS[f"module_{where}"] = lambda made, where=where, what=what: dense(
        made,
        activation={
            "module": where,
            "class_name": what,
            "config": {"command": "touch x"},
            "registered_name": None,
        },
    )
    CONFIGS[f"kind_{where}"] = lambda made, where=where, what=what: dense(
        made, activation={"kind": where, "class_name": "function", "config": what}
    )
for page, what in [
    ("models", "load_model"),
    ("models", "model_from_json"),
    ("models", "clone_model"),
    ("saving", "load_model"),
    ("utils", "get_file"),
    ("dtype_policies", "set_dtype_policy"),
    ("config", "set_floatx"),
    ("random", "normal"),
    ("activations", "deserialize"),
    ("activations", "get"),
    ("activations", "__builtins__"),
    ("layers", "__loader__"),
    ("layers", "Layer.__init_subclass__"),
    ("..os", "system"),
]:
    CONFIGS[f"own_{page.strip('.')}_{what.replace('.', '_')}"] = lambda made, page=page, what=what: (
        layer(
            made,
            "Lambda",
            function={"kind": page, "class_name": "function", "config": what},
            arguments={"filepath": "/etc/passwd"},
        )
    )


@config
def a_class_that_is_no_layer(made):
    made["config"]["layers"][1] = {"kind": "optimizers", "class_name": "Adam", "config": {}}
    return made


@config
def a_model_that_is_a_layer(made):
    return made["config"]["layers"][1]


@config
def a_model_that_is_a_list(made):
    return [made]


@config
def vocabulary_of_a_file(made):
    return layer(made, "StringLookup", vocabulary="/etc/passwd")


@config
def vocabulary_of_a_file_integers(made):
    return layer(made, "IntegerLookup", vocabulary="/etc/passwd")


@config
def vocabulary_of_text(made):
    return layer(made, "TextVectorization", vocabulary="/etc/passwd")


for name in ("..", "a/b", "/etc/passwd", "", "x" * 100_000):
    CONFIGS[f"name_{list(CONFIGS).__len__()}"] = lambda made, name=name: dense(made, name=name)


@config
def units(made):
    return dense(made, units=BOMB)


@config
def units_of_the_last(made):
    made["config"]["layers"][2]["config"]["units"] = BOMB
    return made


@config
def units_that_overflow(made):
    return dense(made, units=2**63 - 1)


@config
def units_of_less(made):
    return dense(made, units=-1)


@config
def units_of_a_float(made):
    return dense(made, units=2.5)


@config
def units_of_a_list(made):
    return dense(made, units=[2])


@config
def input_length(made):
    made["config"]["layers"][0]["config"]["batch_shape"] = [None, BOMB]
    return made


@config
def input_batch(made):
    made["config"]["layers"][0]["config"]["batch_shape"] = [BOMB, 3]
    return layer(
        made, "Lambda", function={"kind": "activations", "class_name": "function", "config": "relu"}
    )


@config
def input_rank(made):
    made["config"]["layers"][0]["config"]["batch_shape"] = [None] + [2] * 100_000
    return made


@config
def input_dtype(made):
    made["config"]["layers"][0]["config"]["dtype"] = "object"
    return made


@config
def embedding(made):
    return layer(made, "Embedding", input_dim=BOMB, output_dim=BOMB)


@config
def repeated(made):
    return layer(made, "RepeatVector", n=BOMB)


@config
def padded(made):
    return layer(made, "ZeroPadding1D", padding=BOMB)


@config
def unrolled(made):
    made = layer(made, "SimpleRNN", units=1, unroll=True)
    return layer(made, "RepeatVector", n=BOMB)


@config
def many_layers(made):
    made["config"]["layers"] += [copy.deepcopy(made["config"]["layers"][1]) for _ in range(500)]
    for number, entry in enumerate(made["config"]["layers"]):
        entry["config"]["name"] = f"n{number}"
    return made


@config
def nested_models(made):
    for _ in range(15):
        made = {"kind": "models", "class_name": "Sequential", "config": {"layers": [made]}}
    return made


@config
def an_array_of_many(made):
    array = {"kind": "python", "class_name": "array", "config": {"value": [[0]], "dtype": "object"}}
    return layer(made, "Normalization", mean=array, variance=array)


@config
def initializer_of_a_shape(made):
    return dense(
        made,
        kernel_initializer={"kind": "layers", "class_name": "Dense", "config": {"units": BOMB}},
    )


@config
def unknown_keys(made):
    return dense(made, __class__="x", _own=[], __dict__={})


@config
def unknown_keys_of_the_model(made):
    made["config"]["_compiled"] = {"functions": 1}
    return made


@config
def policy(made):
    return dense(
        made,
        dtype={"kind": "dtype_policies", "class_name": "DTypePolicy", "config": {"name": "../x"}},
    )


@config
def policies_by_a_slow_pattern(made):
    made["config"]["layers"][1]["config"]["name"] = "a" * 60
    float32 = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    policies = {"default_policy": None, "policy_map": {"(a+)+b": float32}}
    return dense(
        made, dtype={"kind": "dtype_policies", "class_name": "DTypePolicyMap", "config": policies}
    )


@config
def built_for_a_bomb(made):
    shape = {
        "kind": "python",
        "class_name": "tensor",
        "config": {"shape": [None, BOMB], "dtype": "float32"},
    }
    made["config"]["layers"].pop(0)
    return {**made, "built_for": {"call": {"inputs": shape}}}


@config
def built_for_nonsense(made):
    made["config"]["layers"].pop(0)
    return {**made, "built_for": {"call": {"inputs": None}, "build": 3}}


def graph_of(nodes, count=1):
    """The config of a graph model whose layers after the input are given."""
    entries = [
        {
            "kind": "layers",
            "class_name": "InputLayer",
            "name": "x",
            "config": {"name": "x", "batch_shape": [None, 3], "dtype": "float32"},
            "inbound_nodes": [],
        }
    ]
    reference = {"kind": "python", "class_name": "tensor", "config": {"history": ["x", 0, 0]}}
    last = {
        "kind": "python",
        "class_name": "tensor",
        "config": {"history": [nodes[-1]["name"], 0, 0]},
    }
    return {
        "kind": "models",
        "class_name": "Model",
        "config": {"layers": entries + nodes, "input_layers": reference, "output_layers": last},
    }


def call(op, *args, name="y", **kwargs):
    return {
        "kind": "ops",
        "class_name": op,
        "name": name,
        "config": {},
        "inbound_nodes": [{"args": list(args), "kwargs": kwargs}],
    }


def at(name):
    return {"kind": "python", "class_name": "tensor", "config": {"history": [name, 0, 0]}}


for name, nodes in {
    "cycle": [call("relu", at("z"), name="y"), call("relu", at("y"), name="z")],
    "its_own_input": [call("relu", at("y"))],
    "an_unknown_tensor": [call("relu", at("nobody"))],
    "an_op_without_tensors": [call("full", [BOMB], 1.0)],
    "an_op_that_is_none": [call("system", at("x"))],
    "an_op_of_the_module": [call("__import__", at("x"))],
    "a_large_op": [call("tile", at("x"), [1, BOMB]), call("sum", at("y"), name="z")],
    "a_large_repetition": [call("repeat", at("x"), BOMB, axis=1)],
    "a_large_padding": [call("pad", at("x"), [[0, 0], [0, BOMB]])],
    "a_large_split": [call("split", at("x"), BOMB, axis=1)],
    "a_large_one_hot": [call("one_hot", at("x"), BOMB)],
    "a_large_broadcast": [call("broadcast_to", at("x"), [BOMB, 3])],
    "ones_of_a_tensor": [call("ones_like", at("x"), [BOMB])],
    "a_function_for_map": [
        call("map", {"kind": "models", "class_name": "function", "config": "load_model"}, at("x"))
    ],
    "a_string_for_einsum": [call("einsum", "a" * 100_000 + "->a", at("x"))],
    "a_history_of_text": [
        call("relu", {"kind": "python", "class_name": "tensor", "config": {"history": "xyz"}})
    ],
    "a_negative_place": [
        call(
            "relu", {"kind": "python", "class_name": "tensor", "config": {"history": ["x", 0, -1]}}
        )
    ],
    "two_of_a_name": [call("relu", at("x")), call("relu", at("x"))],
    "a_long_chain_backwards": [
        call("relu", at(f"y{i - 1}" if i else "x"), name=f"y{i}") for i in reversed(range(500))
    ],
    "a_long_chain": [call("relu", at(f"y{i - 1}" if i else "x"), name=f"y{i}") for i in range(500)],
}.items():
    CONFIGS[f"graph_{name}"] = lambda made, nodes=nodes: graph_of(nodes)

MAY_LOAD = {"name_.."}

# ------------------------------------------------------------------------------------------ texts

TEXTS = {
    "nan": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "large_float": b'{"a": 1e999}',
    "large_integer": b'{"a": ' + b"9" * 100_000 + b"}",
    "duplicate_key": b'{"kind": "models", "kind": "models"}',
    "deep": b"[" * 100_000,
    "deep_and_closed": b"[" * 5000 + b"]" * 5000,
    "deep_dicts": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "empty": b"",
    "not_text": b"\xff\xfe{",
    "surrogates": b'{"kind": "\\ud800", "class_name": "\\udfff", "config": {}}',
    "nothing": b"null",
    "number": b"3",
    "text_after": b"{} {}",
}


def packed(path, members, **changes):
    """Write a model file of these members, with a manifest that fits."""
    made = {name: [data] for name, data in {**members, **changes}.items()}
    container.write(str(path), made)
    return path


def refused(good, paths, may_load=(), because=None):
    """Every file must be refused; those named in ``because`` with a text that says why."""
    rows = loads(good, paths)
    found = list(complaints(rows, may_load))
    assert not found, "\n".join(found)
    texts = {Path(path).stem: ended for path, ended, *_ in rows}
    for name, text in (because or {}).items():
        assert text in texts[name], f"{name}: {texts[name]}"


WHY_TEXTS = {
    "nan": "NaN is no number of JSON",
    "infinity": "-Infinity is no number of JSON",
    "large_float": "the number '1e999' is too large",
    "large_integer": "expected integers of at most 20 digits; got 100000",
    "duplicate_key": "key 'kind' occurs twice",
    "deep": "expected at most 200 levels of nesting",
    "deep_and_closed": "expected at most 200 levels of nesting",
    "deep_dicts": "expected at most 200 levels of nesting",
    "not_text": "expected JSON in UTF-8",
    "text_after": "expected JSON; Extra data",
}
WHY_CONFIGS = {
    "lambda_of_bytecode": "unknown object '__lambda__'",
    "module_os": "unknown object 'system'",
    "kind_os": "unknown os 'system'",
    "own_models_load_model": "models: unknown name 'load_model'",
    "own_dtype_policies_set_dtype_policy": "dtype_policies: unknown name 'set_dtype_policy'",
    "own_activations_deserialize": "activations: unknown name 'deserialize'",
    "units": "shall be made; the file holds",
    "units_of_the_last": "shall be made; the file holds",
    "units_that_overflow": "shall be made; the file holds",
    "input_length": "shall be made; the file holds",
    "embedding": "shall be made; the file holds",
    "unknown_keys": "unknown arguments",
    "policies_by_a_slow_pattern": "may take long on a path of",
    "graph_cycle": "depend on its own outputs",
    "graph_an_op_without_tensors": "is called without a tensor of the graph",
    "graph_an_op_that_is_none": "unknown op 'system'",
}


def test_configs(good, tmp_path):
    members = members_of(good / "m.polynet")
    paths = []
    for name, change in CONFIGS.items():
        made = change(json.loads(members["config.json"]))
        text = json.dumps(made).encode()
        paths.append(packed(tmp_path / f"{name}.polynet", {**members, "config.json": text}))
    for name, text in TEXTS.items():
        for member in ("config.json", "compile.json"):
            path = tmp_path / f"{name}_{member[:3]}.polynet"
            paths.append(packed(path, {**members, member: text}))
    texts = {
        f"{name}_{member}": text for name, text in WHY_TEXTS.items() for member in ("con", "com")
    }
    refused(good, paths, MAY_LOAD, {**WHY_CONFIGS, **texts})


SGD = {"kind": "optimizers", "class_name": "SGD", "config": {}}
COMPILE = {
    "optimizers_by_a_slow_pattern": {
        "optimizer": {
            "kind": "optimizers",
            "class_name": "MultiOptimizer",
            "config": {
                "optimizer_map": {
                    "kind": "optimizers",
                    "class_name": "OptimizerMap",
                    "config": {
                        "default_optimizer": SGD,
                        "optimizer_map": {"([a-z_/]+)+!": SGD},
                    },
                }
            },
        }
    },
    "layers_by_a_slow_pattern": {
        "optimizer": {
            "kind": "optimizers",
            "class_name": "Muon",
            "config": {"exclude_layers": ["(([a-z_]+)+)+/b"]},
        }
    },
    "optimizer_of_code": {"optimizer": {"class_name": "__lambda__", "config": {"code": CODE}}},
    "loss_of_a_module": {"loss": {"module": "os", "class_name": "function", "config": "system"}},
    "loss_of_models": {
        "loss": {"kind": "models", "class_name": "function", "config": "load_model"}
    },
    "metrics_of_a_module": {
        "metrics": [{"module": "builtins", "class_name": "function", "config": "eval"}]
    },
    "metric_of_many": {
        "metrics": [{"kind": "metrics", "class_name": "AUC", "config": {"num_thresholds": BOMB}}]
    },
    "matrix_of_many": {
        "metrics": [{"kind": "metrics", "class_name": "MeanIoU", "config": {"num_classes": 10**5}}]
    },
    "unknown_arguments": {"__class__": 1},
    "steps": {"steps_per_execution": -1},
    "optimizer_of_less": {"optimizer": {"kind": "optimizers", "class_name": "Adam"}},
    "optimizer_that_is_a_function": {
        "optimizer": {"kind": "activations", "class_name": "function", "config": "relu"}
    },
    "optimizer_of_text": {"optimizer": "os.system"},
    "optimizer_of_nested": {
        "optimizer": {"kind": "optimizers", "class_name": "Adam", "config": {"name": "a/b"}}
    },
}


def test_compile(good, tmp_path):
    members = members_of(good / "m.polynet")
    paths = []
    for name, arguments in COMPILE.items():
        made = json.loads(members["compile.json"])
        made["arguments"].update(arguments)
        text = json.dumps(made).encode()
        paths.append(packed(tmp_path / f"{name}.polynet", {**members, "compile.json": text}))
    for number, trained in enumerate(
        [["x"], [3], [["dense/kernel"]], "dense", ["dense/kernel"] * 100_000]
    ):
        made = {**json.loads(members["compile.json"]), "trained": trained}
        text = json.dumps(made).encode()
        paths.append(
            packed(tmp_path / f"trained_{number}.polynet", {**members, "compile.json": text})
        )
    because = {
        "matrix_of_many": "shall be made; the file holds",
        "metric_of_many": "num_thresholds: expected a number of at most",
        "optimizers_by_a_slow_pattern": "may take long on a path of",
        "layers_by_a_slow_pattern": "may take long on a path of",
        "trained_4": "expected a list of names that occur once",
        "loss_of_models": "models: unknown name 'load_model'",
    }
    refused(good, paths, (), because)


# ------------------------------------------------------------------------------------------ the zip


def zipped(members, **arguments):
    """A zip by Python's own writer, which arranges it in other ways."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **arguments) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def containers(good):
    """Bytes of wrong zips, by name."""
    whole = (good / "m.polynet").read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        listed = [(name, file.read(name)) for name in file.namelist()]
    yield "compressed", zipped(listed, compression=zipfile.ZIP_DEFLATED)
    yield "by_another_writer", zipped(listed)
    with pytest.warns(UserWarning, match="Duplicate"):
        yield "twice", zipped([*listed, listed[2]])
    for name in ("../x", "/etc/x", "a\\b", "weights.safetensors/", "model.pkl", "x" * 60_000):
        yield f"unknown_{len(name)}_{name[:1].isalpha()}", zipped([*listed, (name, b"x")])
    yield (
        "bomb",
        zipped([*listed[1:], ("config.json", b" " * (50 << 20))], compression=zipfile.ZIP_DEFLATED),
    )
    for missing in range(len(listed)):
        if listed[missing][0] not in ("compile.json", "optimizer.safetensors"):
            rest = listed[:missing] + listed[missing + 1 :]
            yield f"without_{listed[missing][0]}", with_manifest(rest[:-1], *rest[-1:])
    yield "before", b"x" + whole
    yield "before_a_zip", whole + whole
    yield "behind", whole + b"x"
    yield "empty", b""
    yield "empty_zip", zipped([])
    yield "text", b"hello " * 1000
    yield "pickle", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x07touch x\x85R."
    yield "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(2000)
    first = whole.index(b"PK\x01\x02")
    for name, place, value in [
        ("encrypted", first + 8, b"\x01\x08"),
        ("method", first + 10, b"\x08\x00"),
        ("size", first + 20, struct.pack("<II", 1 << 31, 1 << 31)),
        ("size64", first + 20, b"\xff" * 8),
        ("two_sizes", first + 20, struct.pack("<II", 1, 2)),
        ("offset", first + 42, struct.pack("<I", 1 << 31)),
        ("name_length", first + 28, b"\xff\xff"),
        ("comment_length", len(whole) - 2, b"\xff\xff"),
        ("count", len(whole) - 12, b"\xff\xff"),
        ("directory_size", len(whole) - 10, b"\xff" * 4),
        ("directory_start", len(whole) - 6, b"\xff" * 4),
    ]:
        yield f"told_{name}", whole[:place] + value + whole[place + len(value) :]
    manifest = json.loads(dict(listed)["manifest.json"])
    for name, change in {
        "format": lambda m: m.update(format=2),
        "format_of_text": lambda m: m.update(format="1"),
        "no_members": lambda m: m.pop("members"),
        "fewer_members": lambda m: m["members"].pop("config.json"),
        "more_members": lambda m: m["members"].update(x={"sha256": ["0" * 64], "size": 1}),
        "size": lambda m: m["members"]["config.json"].update(size=1),
        "hash": lambda m: m["members"]["config.json"].update(sha256=["0" * 64]),
        "hash_of_state": lambda m: m["members"]["weights.safetensors"].update(sha256=["0" * 64]),
        "hash_of_a_number": lambda m: m["members"]["config.json"].update(sha256=3),
        "hash_of_text": lambda m: m["members"]["config.json"].update(sha256="0" * 64),
        "hash_of_nothing": lambda m: m["members"]["config.json"].update(sha256=[]),
        "hash_of_less": lambda m: m["members"]["config.json"].update(sha256=["0" * 63]),
        "hash_of_more": lambda m: m["members"]["config.json"]["sha256"].append("0" * 64),
    }.items():
        told = copy.deepcopy(manifest)
        change(told)
        yield f"manifest_{name}", with_manifest(listed[:-1], json.dumps(told).encode())
    for name, text in TEXTS.items():
        yield f"manifest_{name}", with_manifest(listed[:-1], text)


def with_manifest(members, text):
    """The bytes of a model file with another manifest."""
    made, entries = b"", []
    last = text if isinstance(text, tuple) else ("manifest.json", text)
    for name, data in [*members, last]:
        entry = container.Entry(name, len(data), len(made), zlib.crc32(data))
        entries.append(entry)
        made += entry.local() + data
    return made + container._directory(entries, len(made))


def test_containers(good, tmp_path):
    members = [*members_of(good / "m.polynet").items()]
    with zipfile.ZipFile(good / "m.polynet") as file:
        again = with_manifest(members, file.read("manifest.json"))
    assert again == (good / "m.polynet").read_bytes()  # what the tests change is otherwise right
    paths = []
    for name, data in containers(good):
        paths.append(tmp_path / f"{name}.polynet")
        paths[-1].write_bytes(data)
    assert len(set(paths)) == len(paths) > 50
    because = {
        "compressed": "the member is compressed",
        "told_encrypted": "the member is encrypted",
        "told_two_sizes": "two sizes are told, 1 and 2",
        "twice": "occurs twice",
        "unknown_4_False": "unknown member '../x'",
        "bomb": "is compressed",
        "by_another_writer": "is not what the directory tells",
        "before": "which is a zip; it is not",
        "behind": "the end of a zip is expected",
        "without_config.json": "there is no member config.json",
        "manifest_format": "the file is of format 2",
        "manifest_size": "the manifest tells 1",
        "manifest_hash": "its sha256 is not the one in manifest.json",
        "manifest_duplicate_key": "key 'kind' occurs twice",
    }
    refused(good, paths, (), because)


# ------------------------------------------------------------------------------------------ weights


def split(data):
    """The header of safetensors as data, and what follows it."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header, rest):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def headers(data):
    """Bytes of wrong safetensors, by name."""
    header, rest = split(data)
    header.pop("__metadata__", None)
    first, second, *_ = header

    def changed(**entries):
        return joined({**header, first: {**header[first], **entries}}, rest)

    end = header[first]["data_offsets"][1]
    yield "unknown_dtype", changed(dtype="F128")
    yield "dtype_of_a_list", changed(dtype=["F32"])
    yield "other_dtype", changed(dtype="I32")
    yield "dtype_of_another_size", changed(dtype="F64")
    yield "pickled", changed(dtype="O")
    yield "shape_bomb", changed(shape=[BOMB, BOMB])
    yield "shape_that_overflows", changed(shape=[2**32, 2**32, 2**63 - 1])
    yield "shape_of_zero", changed(shape=[0, BOMB])
    yield "shape_of_less", changed(shape=[-3, -2])
    yield "shape_of_floats", changed(shape=[3.0, 2.0])
    yield "shape_of_truth", changed(shape=[True, 6])
    yield "shape_of_text", changed(shape="32")
    yield "shape_turned", changed(shape=header[first]["shape"][::-1])
    yield "shape_of_many", changed(shape=[1] * 100_000)
    yield "offsets_that_overlap", changed(data_offsets=[0, end + 4])
    yield "offsets_of_less", changed(data_offsets=[-4, end - 4])
    yield "offsets_turned", changed(data_offsets=[end, 0])
    yield "offsets_beyond", changed(data_offsets=[BOMB, BOMB + end])
    yield "offsets_of_three", changed(data_offsets=[0, end, end])
    yield "offsets_of_floats", changed(data_offsets=[0.0, float(end)])
    yield "offsets_that_are_shared", joined({**header, first: header[second]}, rest)
    yield "unknown_keys", changed(path="/etc/passwd")
    yield "names_with_dots", joined({**header, "../../x": header[first]}, rest)
    yield "a_list", joined([header], rest)
    yield "entries_of_lists", joined({**header, first: []}, rest)
    yield "metadata_of_numbers", joined({**header, "__metadata__": {"a": 1}}, rest)
    yield "metadata_of_a_list", joined({**header, "__metadata__": []}, rest)
    yield "nothing_in_it", joined({}, b"")
    yield "no_values", joined(header, b"")
    yield "fewer_values", joined(header, rest[:-1])
    yield "more_values", joined(header, rest + b"x")
    twice = json.dumps(header)[:-1] + "," + json.dumps({first: header[first]})[1:]
    yield "a_name_twice", joined(twice.encode(), rest)
    for length in (0, 1, 7, len(data), 2**31, 2**63, 2**64 - 1):
        yield f"length_{length}", length.to_bytes(8, "little") + data[8:]
    for name, text in TEXTS.items():
        yield f"text_{name}", joined(text, rest)


def test_weights(good, tmp_path):
    members = members_of(good / "m.polynet")
    paths = []
    for name, data in headers((good / "w.safetensors").read_bytes()):
        paths.append(tmp_path / f"{name}.safetensors")
        paths[-1].write_bytes(data)
    for member in ("weights.safetensors", "optimizer.safetensors"):
        for name, data in headers(members[member]):
            path = tmp_path / f"{name}_{member[:3]}.polynet"
            paths.append(packed(path, {**members, member: data}))
    assert len(paths) > 150
    because = {
        "unknown_dtype": "unknown dtype 'F128'",
        "dtype_of_another_size": "takes",
        "shape_bomb": "takes",
        "shape_that_overflows": "takes",
        "shape_of_less": "expected a list of up to 32 lengths",
        "shape_of_truth": "expected a list of up to 32 lengths",
        "offsets_that_are_shared": "and do not overlap",
        "offsets_beyond": "and do not overlap",
        "unknown_keys": "expected dtype, shape and data_offsets, and nothing else",
        "fewer_values": "the header tells of",
        "more_values": "the header tells of",
        "length_18446744073709551615": "the header shall have 18446744073709551615 bytes",
    }
    because |= {f"{name}_wei": text for name, text in because.items()}
    twice = dict.fromkeys(["a_name_twice", "a_name_twice_wei", "a_name_twice_opt"], "occurs twice")
    refused(good, paths, (), {**because, **twice})


def test_a_truth_value_of_two(tmp_path):
    model = polynet.Sequential([layers.Dense(1)])
    model.build((None, 2))
    model.layers[0].flag = polynet.Variable(np.array([True, False]), trainable=False, name="flag")
    model.save_weights(tmp_path / "w.safetensors")
    header, rest = split((tmp_path / "w.safetensors").read_bytes())
    del header["__metadata__"]
    place = header["dense/flag"]["data_offsets"][0]
    (tmp_path / "w.safetensors").write_bytes(
        joined(header, rest[:place] + b"\x02" + rest[place + 1 :])
    )
    with pytest.raises(
        polynet.errors.FileError, match="'dense/flag': a truth value is neither 0 nor 1"
    ):
        model.load_weights(tmp_path / "w.safetensors")


# ------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("name", ["m.polynet", "w.safetensors"])
def test_cut_short_anywhere(name, good, tmp_path):
    whole = (good / name).read_bytes()
    paths = []
    step = 1 if name.endswith("safetensors") or COUNT > 1000 else 7
    for length in range(0, len(whole), step):
        paths.append(tmp_path / f"{length}{Path(name).suffix}")
        paths[-1].write_bytes(whole[:length])
    refused(good, paths)


@pytest.mark.parametrize("name", ["m.polynet", "w.safetensors"])
def test_bits_that_flip(name, good, tmp_path):
    whole = (good / name).read_bytes()
    paths = []
    rng = random.Random(7)
    for place in sorted(rng.sample(range(len(whole)), min(len(whole), 3 * COUNT))):
        bit = rng.randrange(8)
        data = bytearray(whole)
        data[place] ^= 1 << bit
        paths.append(tmp_path / f"{place}_{bit}{Path(name).suffix}")
        paths[-1].write_bytes(data)
    rows = loads(good, paths)
    found = list(complaints(rows))
    assert not found, "\n".join(found)
    the_same = [row for row in rows if row[1] == "the same"]
    assert not the_same if name == "m.polynet" else len(the_same) < len(rows) / 10


JUNK = [
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        2,
        3,
        2**31,
        2**63,
        2**64,
        -(2**63),
        1.5,
        1e308,
        "",
        "..",
        "/etc/passwd",
        "a/b",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [BOMB],
        [0, 0],
        [1, 2, 3],
        {"a": 1},
        {"class_name": "Dense", "config": {}},
    ),
    *(
        "relu",
        "Dense",
        "Model",
        "Sequential",
        "Lambda",
        "layers",
        "models",
        "float64",
        "F32",
        "int32",
        "function",
    ),
    {"kind": "python", "class_name": "tuple", "config": [1]},
    {"kind": "python", "class_name": "array", "config": {"value": [1], "dtype": "float32"}},
    {"kind": "activations", "class_name": "function", "config": "relu"},
    {"kind": "initializers", "class_name": "Orthogonal", "config": {}},
]


def mutated(value, rng):
    """A tree with one or a few of its nodes replaced, removed, repeated or renamed."""
    made = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        places = []

        def visit(node, places=places):
            for key in node if isinstance(node, dict) else range(len(node)):
                places.append((node, key))
                if isinstance(node[key], dict | list):
                    visit(node[key])

        visit(made)
        if not places:
            break
        node, key = rng.choice(places)
        how = rng.randrange(4)
        if how == 0 and isinstance(node, dict):
            del node[key]
        elif how == 1 and isinstance(node, dict):
            node[str(rng.choice(JUNK))] = node.pop(key)
        elif how == 2:
            other = rng.choice(places)
            node[key] = copy.deepcopy(other[0][other[1]])
        else:
            node[key] = copy.deepcopy(rng.choice(JUNK))
    return made


def mutated_text(text, rng):
    """Bytes with pieces removed, repeated, moved or replaced."""
    made = bytearray(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(made) + 1)
        end = min(len(made), start + rng.choice([0, 1, 1, 2, 8]))
        piece = rng.choice(
            [
                b"",
                bytes(made[start:end]) * 2,
                bytes([rng.randrange(256)]),
                b"9",
                b"[",
                b'"',
                b"-",
                b"e5",
            ]
        )
        made[start:end] = piece
    return bytes(made)


@pytest.mark.parametrize(
    "member", ["config.json", "compile.json", "weights.safetensors", "a file of weights"]
)
def test_changed_at_random(member, good, tmp_path):
    members = members_of(good / "m.polynet")
    rng = random.Random(f"{member} {COUNT}")
    paths = []
    for number in range(COUNT):
        kind = ".safetensors" if member not in members else ".polynet"
        paths.append(tmp_path / f"{number}{kind}")
        if member.endswith(".json"):
            value = json.loads(members[member])
            data = (
                json.dumps(mutated(value, rng)).encode()
                if number % 4
                else mutated_text(members[member], rng)
            )
        else:
            whole = members.get(member) or (good / "w.safetensors").read_bytes()
            header, rest = split(whole)
            data = (
                joined(mutated(header, rng), rest)
                if number % 2
                else joined(mutated_text(json.dumps(header).encode(), rng), rest)
            )
        if kind == ".polynet":
            packed(paths[-1], {**members, member: data})
        else:
            paths[-1].write_bytes(data)
    rows = loads(good, paths)
    found = list(complaints(rows))
    assert not found, f"{len(found)} of {len(rows)}:\n" + "\n".join(found[:20])
    assert sum(row[1].startswith("refused") for row in rows) > len(rows) / 3


# ------------------------------------------------------------------------------------------ many, in this process

HEADERS, FILES = (20_000, 2_000) if COUNT < 20_000 else (200_000, 20_000)


class InMemory(container.Input):
    """A file that is in memory."""

    def __init__(self, path, data):
        self.path, self.raw, self.size = path, io.BytesIO(data), len(data)


def outcome(load, expected, seconds=1.0):
    """What becomes of a load: refused, or the same values as were saved; anything else is returned as text."""
    start = time.process_time()
    try:
        found = load()
    except polynet.errors.FileError:
        found = None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if time.process_time() - start > seconds:
        return "it took long"
    return None if found is None or found == expected else "other values"


def bytes_of(model):
    return {name: v.numpy().tobytes() for name, v in weights.weights_by_name(model).items()}


@pytest.mark.parametrize("signed", [True, False])
def test_many_headers(signed, good, monkeypatch):
    """Headers of safetensors with nodes of their JSON, or bytes of their text, changed at random.

    Where two weights of one shape have changed places, only the sha256 of polynet can tell.
    """
    model = make()
    if signed:
        model = polynet.Sequential([polynet.Input((3,)), layers.Dense(3), layers.Dense(3)])
        model.save_weights(good / "signed.safetensors")
    header, rest = split(
        (good / ("signed" if signed else "w")).with_suffix(".safetensors").read_bytes()
    )
    if not signed:
        del header["__metadata__"]
        model.load_weights(good / "w.safetensors")
    text = json.dumps(header, separators=(",", ":")).encode()
    expected = bytes_of(model)
    data = b""

    @contextlib.contextmanager
    def reading(path):
        yield InMemory(path, data)

    def load():
        model.load_weights("w.safetensors")
        return bytes_of(model)

    monkeypatch.setattr(container, "reading", reading)
    rng = random.Random(f"{signed} {HEADERS}")
    found = collections.Counter()
    for number in range(HEADERS // 2):
        if number % 3:
            changed = mutated(header, rng)
        elif number % 2:
            changed = mutated_text(text, rng)
        else:
            changed = dict(header)
            if signed:
                one, other = rng.sample([name for name in header if name != "__metadata__"], 2)
                changed[one], changed[other] = header[other], header[one]
        if not isinstance(changed, bytes):
            changed = json.dumps(changed, separators=(",", ":")).encode()
        data = joined(changed, rest)
        found[outcome(load, expected)] += 1
        if not number % 1000:
            assert bytes_of(model) == expected
    assert set(found) == {None}, found.most_common(5)


def damaged(whole, rng):
    """A file with bits flipped, pieces cut, moved, repeated or overwritten."""
    made = bytearray(whole)
    for _ in range(rng.choice([1, 1, 1, 3])):
        start = rng.randrange(len(made) + 1)
        end = min(len(made), start + rng.choice([1, 2, 4, 8, 64, 1024]))
        how = rng.randrange(6)
        if how == 0 and made:
            made[min(start, len(made) - 1)] ^= 1 << rng.randrange(8)
        elif how == 1:
            del made[start:]
        elif how == 2:
            del made[start:end]
        elif how == 3:
            made[start:start] = made[start:end]
        elif how == 4:
            made[start:end] = rng.choice([b"\x00", b"\xff", b"\x01"]) * (end - start)
        else:
            other = rng.randrange(len(made) + 1)
            made[start:end] = made[other : other + end - start]
    return bytes(made)


@pytest.mark.parametrize("kind", ["m.polynet", "w.safetensors", "checkpoint"])
def test_many_files(kind, good, tmp_path, monkeypatch):
    model = make()
    model.load_weights(good / "w.safetensors")
    expected = bytes_of(model)
    run = polynet.Checkpointer(tmp_path)
    path = run.save(model) if kind == "checkpoint" else str(good / kind)
    with open(path, "rb") as file:
        whole = file.read()
    data = b""

    @contextlib.contextmanager
    def reading(path):
        yield InMemory(path, data)

    def load():
        if kind == "m.polynet":
            return bytes_of(polynet.load_model(path))
        if kind == "w.safetensors":
            model.load_weights(path)
        else:
            progress.Checkpoint(path).apply(model)
        return bytes_of(model)

    monkeypatch.setattr(container, "reading", reading)
    rng = random.Random(f"{kind} {FILES}")
    found = collections.Counter()
    for _ in range(FILES // 3 + 1):
        data = damaged(whole, rng)
        found[outcome(load, expected)] += 1
    assert set(found) == {None}, found.most_common(5)
    data = whole
    assert load() == expected
