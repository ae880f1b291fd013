"""Keras's files that were made to do harm, or were damaged: the same refusals as for polynet's own.

How a load is watched is in hostile_loads.py, and what is expected of it in test_hostile_files.py.  h5py writes what
HDF5 has and polynet refuses.
"""

import copy
import io
import json
import random
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from test_hostile_files import (
    BOMB,
    CODE,
    COUNT,
    TEXTS,
    WHY_TEXTS,
    complaints,
    loads,
    make,
    mutated,
    mutated_text,
)

import polynet
from polynet.saving import container, hdf5

h5py = pytest.importorskip("h5py")

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a good model file and a file of weights, arranged as Keras arranges them, and one by polynet."""
    folder = tmp_path_factory.mktemp("good")
    model = make()
    model.save(folder / "m.keras")
    members = members_of(folder / "m.keras")
    members[WEIGHTS] = by_h5py(members[WEIGHTS])
    packed(folder / "m.keras", members)
    model.save_weights(folder / "p.weights.h5")
    model.save_weights(folder / "w.weights.h5")
    (folder / "w.weights.h5").write_bytes(by_h5py((folder / "w.weights.h5").read_bytes()))
    return folder


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(members, **arguments):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **arguments) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def packed(path, members):
    """Write a file of these members as Keras does."""
    path.write_bytes(zipped(members.items()))
    return path


def by_h5py(data, change=lambda file: None, **arguments):
    """The same groups and arrays, written by HDF5's own library, and then changed."""
    made = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as old, h5py.File(made, "w", **arguments) as new:

        def copied(name, thing):
            if isinstance(thing, h5py.Dataset):
                new[name] = np.array(thing)
                new[name].parent.attrs["name"] = "dense"

        old.visititems(copied)
        change(new)
    return made.getvalue()


def refused(good, paths, may_load=(), because=None):
    rows = loads(good, paths)
    found = list(complaints(rows, may_load))
    assert not found, "\n".join(found)
    texts = {Path(path).stem.removesuffix(".weights"): ended for path, ended, *_ in rows}
    for name, text in (because or {}).items():
        assert text in texts[name], f"{name}: {texts[name]}"


# ------------------------------------------------------------------------------------------ descriptions

CONFIGS = {}
"""What is wrong with config.json, by name: a function of the good one."""


def dense(made, **arguments):
    made["config"]["layers"][1]["config"].update(arguments)
    return made


def entry(made, **entries):
    made["config"]["layers"][1].update(entries)
    return made


def layer(made, name, module="keras.layers", /, **arguments):
    described = {
        "module": module,
        "class_name": name,
        "config": arguments,
        "registered_name": None,
    }
    made["config"]["layers"].insert(1, described)
    return made


def described(module, name, registered=None, /, **config):
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered,
    }


def function(module, name, registered=None):
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": registered or name,
    }


LAMBDA = {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}
CONFIGS |= {
    "lambda": lambda made: layer(made, "Lambda", function=LAMBDA),
    "lambda_of_a_list": lambda made: layer(made, "Lambda", function=[CODE, None, None]),
    "lambda_of_a_function_of_code": lambda made: layer(
        made, "Lambda", function={**function("builtins", "x"), "config": [CODE, None, None]}
    ),
    "lambda_as_activation": lambda made: dense(made, activation=LAMBDA),
    "lambda_as_a_layer": lambda made: {**made, **LAMBDA},
    "typespec": lambda made: dense(
        made,
        activation={
            "class_name": "__typespec__",
            "spec_name": "system",
            "module": "os",
            "config": ["touch x"],
            "registered_name": None,
        },
    ),
    "bytes": lambda made: dense(
        made, activation={"class_name": "__bytes__", "config": {"value": "x"}}
    ),
    "kind_beside_module": lambda made: entry(made, kind="models"),
    "unknown_entries": lambda made: entry(made, __class__="x"),
    "unknown_arguments": lambda made: dense(made, _own=[], __dict__={}),
    "class_name_of_a_list": lambda made: entry(made, class_name=["Dense"]),
    "config_of_a_list": lambda made: entry(made, config=["Dense"]),
    "module_of_a_list": lambda made: entry(made, module=["os"]),
    "registered_over_a_builtin": lambda made: entry(made, registered_name="os>system"),
    "registered_over_a_function": lambda made: dense(
        made, activation=function("keras.activations", "relu", "os>system")
    ),
    "registered_nowhere": lambda made: entry(made, module=None, registered_name="mine>Dense"),
    "registered_of_a_page": lambda made: entry(
        made, module=None, class_name="load_model", registered_name="load_model"
    ),
    "shared_by_two": lambda made: (
        made["config"]["layers"][2].update(shared_object_id=1) or entry(made, shared_object_id=1)
    ),
    "shared_of_a_list": lambda made: entry(made, shared_object_id=[1]),
    "vocabulary": lambda made: layer(made, "StringLookup", vocabulary="/etc/passwd"),
    "text_vectorization": lambda made: layer(made, "TextVectorization", vocabulary="/etc/passwd"),
    "a_layer_for_a_model": lambda made: made["config"]["layers"][1],
    "a_list": lambda made: [made],
    "an_optimizer_for_a_layer": lambda made: layer(made, "Adam", "keras.optimizers"),
    "units": lambda made: dense(made, units=BOMB),
    "units_that_overflow": lambda made: dense(made, units=2**63 - 1),
    "embedding": lambda made: layer(made, "Embedding", input_dim=BOMB, output_dim=BOMB),
    "repeated": lambda made: layer(made, "RepeatVector", n=BOMB),
    "name": lambda made: dense(made, name="a/b"),
    "long_name": lambda made: dense(made, name="x" * 100_000),
    "no_name": lambda made: dense(made, name=""),
    "dtype": lambda made: dense(made, dtype=described("keras", "DTypePolicy", name="../x")),
    "quantized": lambda made: dense(made, quantization_config={"mode": "int8"}),
    "nested": lambda made: nested(made, 15),
    "build_config": lambda made: {**made, "build_config": {"input_shape": [None, BOMB]}},
    "build_input_shape": lambda made: made["config"].update(build_input_shape=[None, BOMB]) or made,
    "deferred_bomb": lambda made: (
        made["config"]["layers"].pop(0)
        and (made["config"].update(build_input_shape=[None, BOMB]) or made)
    ),
}
for where, what in [
    *(("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("pickle", "loads")),
    *(("keras.models", "load_model"), ("keras.saving", "load_model"), ("keras.utils", "get_file")),
    *(("keras.config", "enable_unsafe_deserialization"), ("keras.layers", "deserialize")),
    *(("keras.activations", "get"), ("keras.activations", "__builtins__"), ("keras", "os")),
    *(("keras.src.saving.saving_lib", "load_model"), ("keras.src.os", "system")),
    *(("keras.src.layers", "__loader__"), ("polynet.models", "load_model"), ("", "eval")),
    *(("keras.random", "normal"), ("keras.dtype_policies", "get"), (None, "eval")),
]:
    CONFIGS[f"class_{where}_{what}"] = lambda made, where=where, what=what: layer(
        made, what, where, command="touch x"
    )
    CONFIGS[f"function_{where}_{what}"] = lambda made, where=where, what=what: dense(
        made, activation=function(where, what)
    )
    CONFIGS[f"lambda_{where}_{what}"] = lambda made, where=where, what=what: layer(
        made, "Lambda", function=function(where, what)
    )
for argument, value in {
    "optimizer": described("os", "system", command="touch x"),
    "optimizer_of_code": LAMBDA,
    "loss": function("builtins", "eval"),
    "loss_of_models": function("keras.models", "load_model"),
    "metrics": [function("os", "system")],
    "metrics_of_many": [described("keras.metrics", "AUC", num_thresholds=BOMB)],
    "__class__": 1,
    "optimizer_of_text": "os.system",
    "steps_per_execution": -1,
}.items():
    CONFIGS[f"compile_{argument}"] = lambda made, argument=argument, value=value: (
        made["compile_config"].update({argument.split("_of_")[0]: value}) or made
    )
CONFIGS["compile_of_a_list"] = lambda made: {**made, "compile_config": [1]}


def nested(made, levels):
    for _ in range(levels):
        made = described("keras", "Sequential", layers=[made])
    return made


def at(name, *place):
    history = [name, *(place or (0, 0))]
    config = {"shape": [None, 3], "dtype": "float32", "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": config}


def call(name, *args, page="numpy", own="y", module=None, kwargs=None, **config):
    return {
        **described(module or f"keras.src.ops.{page}", name, name, name=own, **config),
        "name": own,
        "inbound_nodes": [{"args": list(args), "kwargs": kwargs or {}}],
    }


def graph_of(nodes, **changes):
    first = {
        **described("keras.layers", "InputLayer", name="x", batch_shape=[None, 3], dtype="float32"),
        "name": "x",
        "inbound_nodes": [],
    }
    config = {
        "name": "m",
        "layers": [first, *nodes],
        "input_layers": ["x", 0, 0],
        "output_layers": [nodes[-1]["name"], 0, 0],
        **changes,
    }
    return described("keras.src.models.functional", "Functional", "Functional", **config)


for name, nodes in {
    "cycle": [call("Relu", at("z"), page="nn"), call("Relu", at("y"), page="nn", own="z")],
    "its_own_input": [call("Relu", at("y"), page="nn")],
    "nobody": [call("Relu", at("nobody"), page="nn")],
    "no_tensor": [call("Full", [BOMB], 1.0)],
    "unknown_op": [call("System", at("x"))],
    "unknown_page": [call("Relu", at("x"), page="os")],
    "dunder": [call("__import__", at("x"))],
    "an_op_of_models": [call("load_model", at("x"), module="keras.src.saving.saving_lib")],
    "registered": [{**call("Relu", at("x"), page="nn"), "registered_name": "os>system"}],
    "tile": [call("Tile", at("x"), repeats=[1, BOMB])],
    "repeat": [call("Repeat", at("x"), repeats=BOMB, axis=1)],
    "pad": [call("Pad", at("x"), pad_width=[[0, 0], [0, BOMB]])],
    "split": [call("Split", at("x"), indices_or_sections=BOMB, axis=1)],
    "one_hot": [call("OneHot", at("x"), page="nn", num_classes=BOMB)],
    "broadcast": [call("BroadcastTo", at("x"), shape=[BOMB, 3])],
    "einsum": [call("Einsum", at("x"), subscripts="a" * 100_000 + "->a")],
    "item_of_text": [call("GetItem", at("x"), "key")],
    "item_of_nothing": [call("GetItem", at("x"))],
    "item_of_many": [call("GetItem", at("x"), [[0, 1], [0, 1]])],
    "map": [call("Map", {"class_name": "__lambda__", "config": {}}, at("x"), page="core")],
    "too_many_arguments": [call("Relu", *[at("x")] * 5, page="nn")],
    "negative_place": [call("Relu", at("x", 0, -1), page="nn")],
    "place_of_text": [call("Relu", at("x", "0", "0"), page="nn")],
    "unknown_arguments": [call("Relu", at("x"), page="nn", __class__=1)],
    "calls_of_a_dict": [{**call("Relu", page="nn"), "inbound_nodes": {}}],
    "calls_of_text": [{**call("Relu", page="nn"), "inbound_nodes": ["x"]}],
    "no_calls": [{**call("GetItem"), "inbound_nodes": []}],
    "two_of_a_name": [call("Relu", at("x"), page="nn")] * 2,
    "args_of_a_tensor": [
        {**call("Relu", page="nn"), "inbound_nodes": [{"args": at("x"), "kwargs": {}}]}
    ],
    "a_long_chain": [
        call("Relu", at(f"y{i - 1}" if i else "x"), page="nn", own=f"y{i}") for i in range(500)
    ],
}.items():
    CONFIGS[f"graph_{name}"] = lambda made, nodes=nodes: graph_of(nodes)
RELU = call("Relu", at("x"), page="nn")
CONFIGS["graph_of_a_dict"] = lambda made: graph_of([RELU], layers={})
CONFIGS["graph_of_texts"] = lambda made: graph_of([RELU], layers=["x", "y"])
CONFIGS["graph_inputs_of_text"] = lambda made: graph_of([RELU], input_layers="x")
CONFIGS["graph_outputs_before"] = lambda made: graph_of([RELU], output_layers=["y", -1, 0])

MAY_LOAD = {"build_config", "build_input_shape"}
WHY = {
    "lambda": "a function is given as code (__lambda__), which is never run",
    "lambda_of_a_function_of_code": "expected a name; got list. Code is never run",
    "lambda_as_activation": "which is never run",
    "typespec": "'__typespec__' is no value",
    "kind_beside_module": "unknown entry 'kind'",
    "registered_over_a_builtin": "registered_name: expected none for what is built in",
    "registered_over_a_function": "registered_name: expected none for what is built in",
    "registered_nowhere": "unknown class 'mine>Dense'. Modules are never imported",
    "class_os_system": "unknown class 'system' of module 'os'. Modules are never imported",
    "class_keras.models_load_model": "models: unknown name 'load_model'",
    "class_keras.saving_load_model": "unknown class 'load_model' of module 'keras.saving'",
    "function_keras.activations_get": "activations: unknown name 'get'",
    "lambda_builtins_eval": "expected a function; got str",
    "shared_by_two": "the same object is in two places",
    "units": "shall be made; the file holds",
    "deferred_bomb": "shall be made; the file holds",
    "embedding": "shall be made; the file holds",
    "graph_cycle": "depend on its own outputs",
    "graph_unknown_op": "unknown op 'System' of 'numpy'",
    "graph_unknown_page": "unknown op 'Relu' of 'os'",
    "graph_negative_place": "expected a place in the graph",
    "graph_item_of_many": "expected integers, slices, None and an ellipsis",
    "compile_optimizer": "unknown class 'system' of module 'os'",
    "compile_loss_of_models": "models: unknown name 'load_model'",
    "compile___class__": "unknown argument '__class__' of compile",
}


def test_descriptions(good, tmp_path):
    members = members_of(good / "m.keras")
    paths = []
    for name, change in CONFIGS.items():
        made = change(json.loads(members[CONFIG]))
        text = json.dumps(made).encode()
        paths.append(packed(tmp_path / f"{name}.keras", {**members, CONFIG: text}))
    for name, text in TEXTS.items():
        paths.append(packed(tmp_path / f"text_{name}.keras", {**members, CONFIG: text}))
    texts = {f"text_{name}": text for name, text in WHY_TEXTS.items()}
    refused(good, paths, MAY_LOAD, {**WHY, **texts})


# ------------------------------------------------------------------------------------------ the zip


def zips(good):
    """Bytes of wrong zips, by name."""
    whole = (good / "m.keras").read_bytes()
    listed = list(members_of(good / "m.keras").items())
    yield "compressed", zipped(listed, compression=zipfile.ZIP_DEFLATED)
    yield "bomb", zipped([*listed[:1], (CONFIG, b" " * (50 << 20))], compression=zipfile.ZIP_LZMA)
    with pytest.warns(UserWarning, match="Duplicate"):
        yield "twice", zipped([*listed, listed[1]])
    for number, name in enumerate(
        ["../x", "/etc/x", "assets/", "assets/vocabulary.txt", "model.weights.npz", "x" * 60_000]
    ):
        yield f"unknown_{number}", zipped([*listed[:2], (name, b"x")])
    yield "many", zipped([(f"{i}", b"") for i in range(60_000)])
    for name, _ in listed[1:]:
        yield f"without_{name}", zipped([pair for pair in listed if pair[0] != name])
    yield "before", b"x" + whole
    yield "before_a_zip", whole + whole
    yield "behind", whole + b"x"
    yield "empty", b""
    yield "empty_zip", zipped([])
    yield "hdf5", (good / "w.weights.h5").read_bytes()
    yield "polynet", whole[: whole.index(b"PK", 4)] + b"x"
    first = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", first + 4)
    for name, place, value in [
        ("encrypted", first + 8, b"\x01"),
        ("method", first + 10, b"\x08"),
        ("crc", second + 16, b"\0\0\0\0"),
        ("crc_before", whole.index(b"PK\x03\x04", 4) + 14, b"\0\0\0\0"),
        ("size", second + 20, struct.pack("<II", 1 << 31, 1 << 31)),
        ("size64", second + 20, b"\xff" * 8),
        ("two_sizes", second + 20, struct.pack("<II", 1, 2)),
        ("offset", second + 42, struct.pack("<I", 1 << 31)),
        ("offset_of_another", second + 42, struct.pack("<I", 0)),
        ("name_length", second + 28, b"\xff\xff"),
        ("comment", len(whole) - 2, b"\xff\xff"),
        ("count", len(whole) - 14, b"\xff\xff\xff\xff"),
        ("directory_size", len(whole) - 10, b"\xff" * 4),
        ("directory_start", len(whole) - 6, b"\xff" * 4),
        ("disk", len(whole) - 18, b"\1"),
    ]:
        yield f"told_{name}", whole[:place] + value + whole[place + len(value) :]
    yield "overlapping", overlapping(whole, first)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 1 << 60, 1)
    yield "zip64", whole[:-22] + b"\xff" * 56 + locator + whole[-22:]


def overlapping(whole, first):
    """Two members of which one lies in the other."""
    data = bytearray(whole)
    sizes = struct.unpack_from("<II", data, first + 20)
    for place in (first + 20, 18):
        struct.pack_into("<II", data, place, *(size + 50 for size in sizes))
    return bytes(data)


def test_zips(good, tmp_path):
    paths = []
    for name, data in zips(good):
        paths.append(tmp_path / f"{name}.keras")
        paths[-1].write_bytes(data)
    because = {
        "compressed": "the member is compressed",
        "told_encrypted": "the member is encrypted",
        "told_two_sizes": "two sizes are told, 1 and 2",
        "told_crc_before": "is not what the directory tells",
        "told_comment": "the end of a zip is expected",
        "many": "it has 60000 members",
        "twice": "it has 4 members",
        "unknown_0": "unknown member '../x'",
        "unknown_3": "unknown member 'assets/vocabulary.txt'",
        "without_config.json": "there is no member config.json",
        "behind": "the end of a zip is expected",
        "overlapping": "members overlap",
        "before": "which is a zip; it is not",
    }
    refused(good, paths, (), because)


def test_as_zips_are_written_without_seeking(good, tmp_path):
    """Sizes behind the members: how a zip is written to a pipe."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def write(self, data):
            self.data += bytes(data)
            return len(data)

        def writable(self):
            return True

        def flush(self):
            pass

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as made:
        for name, data in members_of(good / "m.keras").items():
            with made.open(name, "w") as file:
                file.write(data)
    (tmp_path / "m.keras").write_bytes(pipe.data)
    assert pipe.data[6] & 8
    polynet.load_model(tmp_path / "m.keras")


# ------------------------------------------------------------------------------------------ HDF5

PLACE = "layers/dense/vars"
CHANGES = {}
"""What is wrong with an HDF5 file, by name: a function that changes the good one, opened by h5py."""


def hdf5_change(change):
    CHANGES[change.__name__] = change
    return change


def instead(file, **arguments):
    """Put another array in the place of the kernel."""
    del file[PLACE]["0"]
    return file[PLACE].create_dataset("0", **arguments)


@hdf5_change
def soft_link(file):
    del file[PLACE]["0"]
    file[PLACE]["0"] = h5py.SoftLink("/layers/dense_1/vars/0")


@hdf5_change
def soft_link_to_a_group(file):
    file["layers/more"] = h5py.SoftLink("/layers/dense")


@hdf5_change
def external_link(file):
    del file[PLACE]["0"]
    file[PLACE]["0"] = h5py.ExternalLink("/etc/passwd", "/x")


@hdf5_change
def external_link_at_the_top(file):
    file["more"] = h5py.ExternalLink("/tmp/other.h5", "/")


@hdf5_change
def external_storage(file):
    instead(file, shape=(3, 2), dtype="float32", external=[("/etc/passwd", 0, 24)])


@hdf5_change
def virtual(file):
    layout = h5py.VirtualLayout(shape=(3, 2), dtype="float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3, 2))
    del file[PLACE]["0"]
    file[PLACE].create_virtual_dataset("0", layout)


@hdf5_change
def chunks(file):
    instead(file, data=np.ones((3, 2), "float32"), chunks=(1, 2))


@hdf5_change
def compressed_bomb(file):
    instead(file, shape=(10**6, 10**5), dtype="float32", compression="gzip", chunks=(1000, 1000))


@hdf5_change
def checksums(file):
    instead(file, data=np.ones((3, 2), "float32"), fletcher32=True)


@hdf5_change
def never_written(file):
    instead(file, shape=(10**6, 10**5), dtype="float32")


@hdf5_change
def never_written_and_small(file):
    instead(file, shape=(3, 2), dtype="float32")


@hdf5_change
def compact(file):
    del file[PLACE]["0"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3, 2))
    made = h5py.h5d.create(file[PLACE].id, b"0", h5py.h5t.IEEE_F32LE, space, properties)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones((3, 2), "float32"))


@hdf5_change
def that_grows(file):
    instead(file, shape=(3, 2), maxshape=(None, 2), dtype="float32")


@hdf5_change
def of_two_names(file):
    file[f"{PLACE}/1"].parent["2"] = file[f"{PLACE}/0"]


@hdf5_change
def group_within_itself(file):
    file["layers/dense/more"] = file["/"]


@hdf5_change
def integers(file):
    instead(file, data=np.ones((3, 2), "int32"))


@hdf5_change
def big_endian(file):
    instead(file, data=np.ones((3, 2), ">f4"))


@hdf5_change
def odd_floats(file):
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    del file[PLACE]["0"]
    h5py.h5d.create(file[PLACE].id, b"0", kind, h5py.h5s.create_simple((3, 2)))


@hdf5_change
def compound(file):
    instead(file, data=np.zeros((3, 2), [("a", "f4"), ("b", "i4")]))


@hdf5_change
def complex_numbers(file):
    instead(file, data=np.zeros((3, 2), "complex64"))


@hdf5_change
def texts(file):
    instead(file, data=np.array([b"abc"]))


@hdf5_change
def texts_of_any_length(file):
    instead(file, data=["abc"], dtype=h5py.string_dtype())


@hdf5_change
def references(file):
    instead(file, data=np.array([file.ref]), dtype=h5py.ref_dtype)


@hdf5_change
def arrays_of_any_length(file):
    instead(file, shape=(3,), dtype=h5py.vlen_dtype("float32"))


@hdf5_change
def numbers_of_names(file):
    instead(file, data=[0, 1], dtype=h5py.enum_dtype({"A": 0, "B": 1}))


@hdf5_change
def opaque(file):
    instead(file, data=np.zeros((3, 2), "V4"))


@hdf5_change
def opaque_of_a_bfloat16_that_is_none(file):
    instead(file, data=np.zeros((3, 2), "V2")).attrs["dtype"] = "float16"


@hdf5_change
def nothing(file):
    instead(file, data=h5py.Empty("float32"))


@hdf5_change
def a_scalar(file):
    instead(file, data=np.float32(1))


@hdf5_change
def another_shape(file):
    instead(file, data=np.ones((2, 3), "float32"))


@hdf5_change
def a_shape_of_many(file):
    instead(file, data=np.ones((1,) * 32, "float32"))


@hdf5_change
def no_kernel(file):
    del file[PLACE]["0"]


@hdf5_change
def one_more(file):
    file[PLACE]["2"] = np.ones(3, "float32")


@hdf5_change
def a_group_for_an_array(file):
    del file[PLACE]["0"]
    file[PLACE].create_group("0/x")


@hdf5_change
def an_array_for_a_group(file):
    del file["layers"]
    file["layers"] = np.ones(3, "float32")


@hdf5_change
def a_type_of_its_own(file):
    file["kind"] = np.dtype("float32")


@hdf5_change
def deep(file):
    file.create_group("/".join("abcd"[i % 4] for i in range(600)))


@hdf5_change
def long_names(file):
    for number in range(20):
        file.create_group(f"{number}" * 60_000)


@hdf5_change
def many_groups(file):
    for number in range(21_000):
        file.create_group(str(number))


@hdf5_change
def links_in_order(file):
    file.create_group("ordered", track_order=True).create_group("x")


@hdf5_change
def many_attributes(file):
    for number in range(20):
        file[PLACE]["0"].attrs[str(number)] = np.ones(1000)


@hdf5_change
def nothing_in_it(file):
    del file["layers"]


WHY_HDF5 = {
    "soft_link": "'0' is a link; expected a group or an array",
    "soft_link_to_a_group": "'more' is a link",
    "external_link": "links in a newer arrangement",
    "external_storage": "it has external storage",
    "virtual": "its values lie elsewhere",
    "chunks": "its values lie in chunks",
    "compressed_bomb": "it has filters, such as compression",
    "checksums": "it has filters",
    "never_written": "the file has",
    "of_two_names": "the object has another name too",
    "group_within_itself": "the object has another name too",
    "integers": "is int32 in the file; the model's is float32",
    "compound": "its type is none that a variable has",
    "references": "its type is none that a variable has",
    "another_shape": "has shape (2, 3) in the file",
    "no_kernel": "not in the file: 'layers/dense/vars/0'",
    "one_more": "not in the model: 'layers/dense/vars/2'",
    "many_groups": "expected at most 20000 groups and arrays",
    "deep": "names are too long",
    "links_in_order": "described in another way than in Keras's files",
}


def test_hdf5(good, tmp_path):
    members = members_of(good / "m.keras")
    paths = []
    for name, change in CHANGES.items():
        path = tmp_path / f"{name}.weights.h5"
        path.write_bytes(by_h5py((good / "w.weights.h5").read_bytes(), change))
        paths.append(path)
        if name != "many_groups":
            data = by_h5py(members[WEIGHTS], change)
            paths.append(packed(tmp_path / f"{name}_in.keras", {**members, WEIGHTS: data}))
    for name, arguments in {
        "newest": {"libver": "latest"},
        "newer": {"libver": ("v108", "v110")},
        "block_before": {"userblock_size": 512},
    }.items():
        path = tmp_path / f"{name}.weights.h5"
        path.write_bytes(by_h5py((good / "w.weights.h5").read_bytes(), **arguments))
        paths.append(path)
    whole = (good / "w.weights.h5").read_bytes()
    for name, data in {
        "behind": whole + b"x",
        "before": b"x" * 512 + whole,
        "signature": whole[:8],
        "empty": b"",
        "text": b"hello " * 1000,
    }.items():
        path = tmp_path / f"{name}.weights.h5"
        path.write_bytes(data)
        paths.append(path)
    assert len(paths) > 90
    may_load = {"many_attributes.weights", "many_attributes_in"}
    refused(good, paths, may_load, WHY_HDF5)


@pytest.mark.parametrize("name", ["..", ".", "a/b", ""])
def test_names_that_cannot_be(name, tmp_path):
    made = bytearray(
        b"".join(map(bytes, hdf5.as_buffers({"vars/xyz": (np.ones(2, "f4"), "float32")})))
    )
    place = made.index(b"xyz")
    made[place : place + 3] = name.encode().ljust(3, b"\0")
    (tmp_path / "w.weights.h5").write_bytes(made)
    with pytest.raises(
        polynet.errors.FileError, match="an entry has no name, or one that cannot be"
    ):
        make().load_weights(tmp_path / "w.weights.h5")


# ------------------------------------------------------------------------------------------ damage


def arrays_of(path):
    """Where the arrays of an HDF5 file lie."""
    with h5py.File(path) as file:
        found = []
        file.visititems(
            lambda name, thing: (
                found.append((thing.id.get_offset(), thing.nbytes))
                if isinstance(thing, h5py.Dataset)
                else None
            )
        )
    return found


@pytest.mark.parametrize("name", ["m.keras", "w.weights.h5"])
def test_cut_short_anywhere(name, good, tmp_path):
    whole = (good / name).read_bytes()
    paths = []
    for length in range(0, len(whole), max(1, len(whole) // (2 * COUNT))):
        paths.append(tmp_path / f"{length}{name[1:]}")
        paths[-1].write_bytes(whole[:length])
    refused(good, paths)


@pytest.mark.parametrize("name", ["m.keras", "p.weights.h5", "w.weights.h5"])
def test_changed_at_random(name, good, tmp_path):
    """Bits that flip, and numbers that change, anywhere but in the values of a file without checksums."""
    whole = (good / name).read_bytes()
    free = set(range(len(whole)))
    if name == "w.weights.h5":
        for start, size in arrays_of(good / name):
            free -= set(range(start - 7, start + size))
    free = sorted(free)
    rng = random.Random(f"{name} {COUNT}")
    paths = []
    for number in range(4 * COUNT):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            place = rng.choice(free)
            if number % 3 == 0:
                data[place] = rng.randrange(256)
            elif number % 3 == 1:
                other = rng.choice([b"\0" * 8, b"\xff" * 8, struct.pack("<Q", rng.randrange(9000))])
                place = min(place - place % 8, len(whole) - 8)
                if set(range(place, place + 8)) <= set(free) or name != "w.weights.h5":
                    data[place : place + 8] = other
            else:
                data[place] ^= 1 << rng.randrange(8)
        paths.append(tmp_path / f"{number}{name[1:]}")
        paths[-1].write_bytes(data)
    rows = loads(good, paths)
    found = list(complaints(rows))
    if name == "w.weights.h5":  # an array's place may become one between the parts
        moved = [text for text in found if text.endswith(": loaded")]
        assert len(moved) <= 1 + len(rows) / 1000
        found = [text for text in found if text not in moved]
    assert not found, f"{len(found)} of {len(rows)}:\n" + "\n".join(found[:20])
    assert sum(row[1].startswith("refused") for row in rows) > len(rows) / 10


def test_descriptions_changed_at_random(good, tmp_path):
    members = members_of(good / "m.keras")
    value = json.loads(members[CONFIG])
    graph = graph_of([call("Add", at("x"), at("x")), call("Relu", at("y"), page="nn", own="z")])
    rng = random.Random(f"descriptions {COUNT}")
    paths = []
    for number in range(2 * COUNT):
        given = value if number % 2 else graph
        text = (
            json.dumps(mutated(given, rng)).encode()
            if number % 8
            else mutated_text(members[CONFIG], rng)
        )
        paths.append(packed(tmp_path / f"{number}.keras", {**members, CONFIG: text}))
    rows = loads(good, paths)
    found = list(complaints(rows))
    assert not found, f"{len(found)} of {len(rows)}:\n" + "\n".join(found[:20])
    assert sum(row[1].startswith("refused") for row in rows) > len(rows) / 3


def test_checksums_are_those_of_the_zip(good):
    """What the tests change is otherwise right."""
    whole = (good / "m.keras").read_bytes()
    assert container._END.unpack(whole[-22:])[4] == 3
    members = members_of(good / "m.keras")
    assert struct.unpack_from("<I", whole, 14)[0] == zlib.crc32(members["metadata.json"])
    assert copy.deepcopy(members) == members
