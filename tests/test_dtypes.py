"""Dtype names, kinds and promotion: every pair against a table, and what wrong names get.

No tensor and no backend is needed here.
"""

import enum
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from polynet import config, dtypes, errors

# What Keras 3.15.1's ``backend.result_type`` says to each pair, its last step left out, which turns
# 64-bit results into 32-bit ones.  "int" and "float" are Python scalars; floatx is float32.
PROMOTION = """
      b     i8    i16   i32   i64   u8    u16   u32   u64   bf    f16   f32   f64   c64   c128  int   float
b     b     i8    i16   i32   i64   u8    u16   u32   u64   bf    f16   f32   f64   c64   c128  i32   f32
i8    i8    i8    i16   i32   i64   i16   i32   i64   f32   bf    f16   f32   f64   c64   c128  i8    f32
i16   i16   i16   i16   i32   i64   i16   i32   i64   f32   bf    f16   f32   f64   c64   c128  i16   f32
i32   i32   i32   i32   i32   i64   i32   i32   i64   f32   bf    f16   f32   f64   c64   c128  i32   f32
i64   i64   i64   i64   i64   i64   i64   i64   i64   f32   bf    f16   f32   f64   c64   c128  i64   f32
u8    u8    i16   i16   i32   i64   u8    u16   u32   u64   bf    f16   f32   f64   c64   c128  u8    f32
u16   u16   i32   i32   i32   i64   u16   u16   u32   u64   bf    f16   f32   f64   c64   c128  u16   f32
u32   u32   i64   i64   i64   i64   u32   u32   u32   u64   bf    f16   f32   f64   c64   c128  u32   f32
u64   u64   f32   f32   f32   f32   u64   u64   u64   u64   bf    f16   f32   f64   c64   c128  u64   f32
bf    bf    bf    bf    bf    bf    bf    bf    bf    bf    bf    f32   f32   f64   c64   c128  bf    bf
f16   f16   f16   f16   f16   f16   f16   f16   f16   f16   f32   f16   f32   f64   c64   c128  f16   f16
f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f64   c64   c128  f32   f32
f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   c128  c128  f64   f64
c64   c64   c64   c64   c64   c64   c64   c64   c64   c64   c64   c64   c64   c128  c64   c128  c64   c64
c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128  c128
int   i32   i8    i16   i32   i64   u8    u16   u32   u64   bf    f16   f32   f64   c64   c128  i32   f32
float f32   f32   f32   f32   f32   f32   f32   f32   f32   bf    f16   f32   f64   c64   c128  f32   f32
"""

LONG = {
    "b": "bool",
    "bf": "bfloat16",
    **{f"i{n}": f"int{n}" for n in (8, 16, 32, 64)},
    **{f"u{n}": f"uint{n}" for n in (8, 16, 32, 64)},
    **{f"f{n}": f"float{n}" for n in (16, 32, 64)},
    **{f"c{n}": f"complex{n}" for n in (64, 128)},
    "int": int,
    "float": float,
}


def _pairs():
    header, *rows = PROMOTION.strip("\n").splitlines()
    columns = header.split()
    for row in rows:
        first, *results = row.split()
        for second, result in zip(columns, results, strict=True):
            yield pytest.param(LONG[first], LONG[second], LONG[result], id=f"{first}-{second}")


PAIRS = list(_pairs())


@pytest.fixture
def floatx():
    before = config.floatx()
    yield config.set_floatx
    config.set_floatx(before)


# ------------------------------------------------------------------------------------- promotion


def test_the_table_has_every_pair():
    seen = {pair.values[:2] for pair in PAIRS}
    assert seen == set(itertools.product((*dtypes.ALL, int, float), repeat=2))


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_result_type_of_pairs(one, other, expected):
    assert dtypes.result_type(one, other) == expected
    assert dtypes.result_type(one, other) == expected  # now remembered


# From the same oracle; the first shows that a result is not that of pairs in turn.
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("int8", "uint64", "float16"), "float16"),
        (("int8", "uint8", int), "int16"),
        (("uint8", "int16", "uint32"), "int64"),
        (("bool", "bool", int), "int32"),
        (("bfloat16", "float16", "int64"), "float32"),
        (("float16", float, int), "float16"),
        (("int8", "uint8", "uint16", "int64"), "int64"),
        (("complex64", "float64", "int8"), "complex128"),
        (("bool", int, float), "float32"),
        (("uint64", int, "int8", "bfloat16"), "bfloat16"),
    ],
)
def test_result_type_of_several(given, expected):
    for order in itertools.permutations(given):
        assert dtypes.result_type(*order) == expected
        assert dtypes.result_type(*order, *order) == expected


# What jax.numpy.result_type says with 64-bit types on, where a float or complex tensor takes part.
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bfloat16", "complex64"),
        ("float16", "complex64"),
        ("float32", "complex64"),
        ("float64", "complex128"),
        ("complex64", "complex64"),
        ("complex128", "complex128"),
    ],
)
def test_weak_complex(dtype, expected, floatx):
    for default in ("float32", "float64"):
        floatx(default)
        assert dtypes.result_type(dtype, complex) == dtypes.result_type(complex, dtype) == expected


@pytest.mark.parametrize(
    ("default", "pair", "alone"),
    [
        ("float16", "float16", "complex64"),
        ("bfloat16", "bfloat16", "complex64"),
        ("float32", "float32", "complex64"),
        ("float64", "float64", "complex128"),
    ],
)
def test_results_follow_floatx(default, pair, alone, floatx):
    for _ in range(2):  # what was remembered under another floatx must not come back
        floatx("float32")
        dtypes.result_type("int8", float), dtypes.result_type("int8", "uint64")
        dtypes.result_type(None, "int8"), dtypes.result_type("bool", complex)
        floatx(default)
        assert dtypes.result_type("int8", float) == pair
        assert dtypes.result_type("int8", "uint64") == pair
        assert dtypes.result_type("bool", float) == pair
        assert dtypes.result_type(None, "int8") == pair
        assert dtypes.result_type("int8", complex) == alone
        assert dtypes.result_type(float) == pair
        assert dtypes.result_type(complex) == alone
        assert dtypes.result_type() == default
        assert dtypes.result_type(int) == "int32"
        assert dtypes.result_type(int, bool) == "int32"
        assert dtypes.result_type(bool) == "bool"
        assert dtypes.standardize(float) == dtypes.standardize(None) == default
        assert dtypes.standardize(complex) == alone
        assert dtypes.to_float("int64") == dtypes.to_float("bool") == default
        assert dtypes.complex_of("int32") == alone


def test_none_is_floatx_and_not_weak(floatx):
    assert dtypes.result_type(None, "float16") == "float32"
    floatx("float64")
    assert dtypes.result_type(None, "float16") == "float64"


def test_result_type_takes_dtype_objects():
    assert dtypes.result_type(np.dtype("int8"), np.float16) == "float16"
    assert dtypes.result_type(np.dtype("float64"), "float16") == "float64"  # not weak
    assert dtypes.result_type(np.float64, "float16") == "float64"
    assert dtypes.result_type("int", "float16") == "float16"
    assert dtypes.result_type("int", "int8") == "int32"  # the name is int32, only the type is weak


def test_result_type_of_hundreds():
    many = ["int8", "float16"] * 300
    assert dtypes.result_type(*many) == "float16"
    assert not any(len(key) > 4 for key in dtypes._RESULTS)


def test_result_type_names_what_it_does_not_know():
    with pytest.raises(errors.DTypeError, match=r"'flaot32'.*Did you mean 'float32'"):
        dtypes.result_type("flaot32", "int8")
    with pytest.raises(errors.DTypeError, match="of type list"):
        dtypes.result_type(["int8"], "int8")


# ------------------------------------------------------------------------------------- names


class _Named:
    name = "uint16"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *((name, name) for name in dtypes.ALL),
        *((np.dtype(name), name) for name in dtypes.ALL if name != "bfloat16"),
        *((np.dtype(name).type, name) for name in dtypes.ALL if name != "bfloat16"),
        (bool, "bool"),
        (int, "int32"),
        ("int", "int32"),
        (float, "float32"),
        (complex, "complex64"),
        (None, "float32"),
        (np.dtype(">f4"), "float32"),
        (np.longlong, "int64"),
        ("torch.float32", "float32"),
        ("jnp.bfloat16", "bfloat16"),
        (_Named(), "uint16"),
    ],
)
def test_standardize(given, expected):
    assert dtypes.standardize(given) == expected
    assert dtypes.standardize(given) == expected


def test_standardize_reads_a_name_anew():
    dtype = _Named()
    dtypes.standardize(dtype)
    dtype.name = "int8"
    assert dtypes.standardize(dtype) == "int8"


def test_standardize_without_an_argument():
    assert dtypes.standardize() == "float32"


@pytest.mark.parametrize(
    ("library", "given"),
    [
        ("torch", ["bool", "int64", "bfloat16", "complex64"]),
        ("jax.numpy", ["bool_", "int64", "bfloat16", "complex64"]),
        ("ml_dtypes", ["bfloat16"]),
    ],
)
def test_standardize_takes_the_types_of_array_libraries(library, given):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    for name in given:
        assert dtypes.standardize(getattr(module, name)) == name.rstrip("_")
        if library != "torch":
            assert dtypes.standardize(np.dtype(getattr(module, name))) == name.rstrip("_")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("float31", "'float31'. Did you mean 'float32'?"),
        ("Float32", "'Float32'. Did you mean 'float32'?"),
        ("string", "'string'. Expected"),
        ("float8_e4m3fn", "'float8_e4m3fn'."),
        ("", "''. Expected"),
        (str, "str. Expected"),
        (object, "object. Expected"),
        (np.datetime64, "datetime64. "),
        (np.dtype("S3"), "'bytes24'"),
        ([1, 2], "of type list. Expected"),
        ({}, "of type dict. Expected"),
        (np.arange(3.0), "of type ndarray. Expected"),
        (32, "of type int. Expected"),
        ("x" * 200, "'" + "x" * 60 + "...'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_unknown_dtypes(given, shown):
    with pytest.raises(errors.DTypeError) as caught:
        dtypes.standardize(given)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, TypeError)
    text = str(caught.value)
    assert text.startswith(f"Unknown dtype {shown}")
    assert "Expected one of bool, int8, int16," in text and "complex128" in text
    assert "\n" not in text


# ------------------------------------------------------------------------------------- kinds


def test_kinds_part_the_names():
    kinds = {
        dtypes.is_bool: {"bool"},
        dtypes.is_int: {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)},
        dtypes.is_float: {"bfloat16", "float16", "float32", "float64"},
        dtypes.is_complex: {"complex64", "complex128"},
    }
    for kind, names in kinds.items():
        assert {name for name in dtypes.ALL if kind(name)} == names
    assert set().union(*kinds.values()) == set(dtypes.ALL)
    assert len(dtypes.ALL) == 15


class _Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, bool),
        (3, int),
        (3.0, float),
        (3j, complex),
        (_Level.HIGH, int),
        (np.bool_(True), None),
        (np.int32(3), None),
        (np.float32(3), None),
        (np.float64(3), None),  # a subclass of float
        (np.complex128(3), None),  # a subclass of complex
        (np.array(3.0), None),
        ("3", None),
        (None, None),
        ([3.0], None),
    ],
    ids=repr,
)
def test_weak(value, expected):
    assert dtypes.weak(value) is expected


# ------------------------------------------------------------------------------------- derived


# What Keras's exp and sum give; sum of 64-bit types stays as it is.
@pytest.mark.parametrize(
    ("dtype", "of_exp", "of_sum"),
    [
        ("bool", "float32", "int32"),
        ("int8", "float32", "int32"),
        ("int16", "float32", "int32"),
        ("int32", "float32", "int32"),
        ("int64", "float32", "int64"),
        ("uint8", "float32", "uint32"),
        ("uint16", "float32", "uint32"),
        ("uint32", "float32", "uint32"),
        ("uint64", "float32", "uint64"),
        ("bfloat16", "bfloat16", "bfloat16"),
        ("float16", "float16", "float16"),
        ("float32", "float32", "float32"),
        ("float64", "float64", "float64"),
        ("complex64", "complex64", "complex64"),
        ("complex128", "complex128", "complex128"),
    ],
)
def test_to_float_and_sum_dtype(dtype, of_exp, of_sum):
    assert dtypes.to_float(dtype) == of_exp
    assert dtypes.sum_dtype(dtype) == of_sum


def test_real_and_complex_partners():
    assert [dtypes.real_of(d) for d in ("complex64", "complex128", "float16", "int8")] == [
        "float32",
        "float64",
        "float16",
        "int8",
    ]
    assert {d: dtypes.complex_of(d) for d in ("bfloat16", "float16", "float32", "float64")} == {
        "bfloat16": "complex64",
        "float16": "complex64",
        "float32": "complex64",
        "float64": "complex128",
    }
    assert dtypes.complex_of("complex64") == "complex64"
    assert dtypes.complex_of("complex128") == "complex128"


def test_itemsize():
    assert dtypes.itemsize("bfloat16") == 2
    for name in dtypes.ALL:
        if name != "bfloat16":
            assert dtypes.itemsize(name) == np.dtype(name).itemsize


def test_default_int():
    assert dtypes.default_int() == "int32" == dtypes.result_type(int)


def test_names_alone_need_no_array_library():
    code = (
        "import sys, polynet.dtypes; sys.exit(bool({'torch', 'jax', 'difflib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bfloat16_on_numpy_needs_a_package():
    code = """
import sys
sys.modules["ml_dtypes"] = None  # as if it was not installed
import polynet
try:
    polynet.ops.ones((2,), "bfloat16")
except polynet.errors.DTypeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "POLYNET_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'polynet-dl[ml_dtypes]'" in done.stdout
