"""Dtype policies: names and their dtypes, maps by layer path, and the way to a file and back."""

import copy
import json
import pickle

import numpy as np
import pytest

from polynet import config, dtype_policies, dtypes, errors
from polynet.dtype_policies import DTypePolicy, DTypePolicyMap, FloatDTypePolicy


@pytest.fixture(autouse=True)
def restored():
    floatx, policy = config._floatx, config._dtype_policy
    yield
    config._floatx, config._dtype_policy = floatx, policy


class Doubled(DTypePolicy):
    """A policy of a user."""


# name: what Keras 3.15.1 computes in and keeps variables in
POLICIES = {
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    **{name: (name, name) for name in dtypes.ALL},
}


@pytest.mark.parametrize("name", POLICIES)
def test_names(name):
    policy = DTypePolicy(name)
    assert policy.name == name
    assert (policy.compute_dtype, policy.variable_dtype) == POLICIES[name]
    assert repr(policy) == repr(FloatDTypePolicy(name)) == f'<DTypePolicy "{name}">'
    assert policy.get_config() == {"name": name}
    for again in (
        DTypePolicy.from_config(policy.get_config()),
        dtype_policies.get(name),
        dtype_policies.deserialize(json.loads(json.dumps(dtype_policies.serialize(policy)))),
        copy.deepcopy(policy),
        pickle.loads(pickle.dumps(policy)),
    ):
        assert type(again) is DTypePolicy and again == policy and hash(again) == hash(policy)


def test_no_name_is_the_default_policy():
    config.set_dtype_policy("mixed_float16")
    assert DTypePolicy().name == FloatDTypePolicy(None).name == "mixed_float16"
    assert dtype_policies.get(None) is config.dtype_policy()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mixed_float31", "unknown policy 'mixed_float31'. Did you mean 'mixed_float16'? Expected"),
        ("float31", "unknown policy 'float31'. Did you mean 'float32'? Expected"),
        ("int8_from_float32", "unknown policy 'int8_from_float32'."),
        (32, "expected a string such as 'mixed_float16'; got int."),
        (np.float32, "expected a string such as 'mixed_float16'; got type."),
    ],
)
def test_wrong_names(name, text):
    with pytest.raises(errors.DTypeError) as caught:
        DTypePolicy(name)
    assert str(caught.value).startswith(f"DTypePolicy, name: {text}")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_equality():
    assert DTypePolicy("float32") == FloatDTypePolicy("float32")
    assert hash(DTypePolicy("float32")) == hash(FloatDTypePolicy("float32"))
    assert DTypePolicy("float32") != DTypePolicy("float16")
    assert DTypePolicy("float32") != Doubled("float32")
    assert DTypePolicy("float32") != "float32"
    assert DTypePolicyMap("float32") != DTypePolicy("float32")
    assert DTypePolicyMap("float32") == DTypePolicyMap("float32")
    assert DTypePolicyMap("float32") != DTypePolicyMap()
    assert DTypePolicyMap("float32", {"a": "float16"}) != DTypePolicyMap("float32")


def test_a_policy_cannot_be_changed():
    for name in ("name", "compute_dtype", "variable_dtype"):
        with pytest.raises(AttributeError):
            setattr(DTypePolicy("float32"), name, "float16")


# ------------------------------------------------------------------------------------- get


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("mixed_bfloat16", "mixed_bfloat16"),
        (float, "float32"),
        (int, "int32"),
        (np.float16, "float16"),
        (np.dtype("float64"), "float64"),
        ({"class_name": "DTypePolicy", "config": {"name": "float16"}}, "float16"),
        ({"class_name": "FloatDTypePolicy", "config": {"name": "mixed_float16"}}, "mixed_float16"),
    ],
    ids=str,
)
def test_get(identifier, name):
    assert dtype_policies.get(identifier).name == name


def test_get_returns_a_policy_as_it_is():
    policy = Doubled("float32")
    assert dtype_policies.get(policy) is policy


@pytest.mark.parametrize("identifier", [3, [], "float7", object(), np.zeros(3)])
def test_get_refuses(identifier):
    with pytest.raises(errors.DTypeError):
        dtype_policies.get(identifier)


def test_get_follows_floatx():
    config.set_floatx("float64")
    assert dtype_policies.get(float).name == "float64"
    config.set_floatx("float16")
    assert dtype_policies.get(float).name == "float16"


# ------------------------------------------------------------------------------------- files


def test_serialize_writes_plain_names():
    assert dtype_policies.serialize(DTypePolicyMap("float32", {"a/.*": "mixed_float16"})) == {
        "class_name": "DTypePolicyMap",
        "config": {
            "default_policy": {"class_name": "DTypePolicy", "config": {"name": "float32"}},
            "policy_map": {
                "a/.*": {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
            },
        },
    }
    with pytest.raises(TypeError, match="serialize, dtype_policy: expected a DTypePolicy; got str"):
        dtype_policies.serialize("float32")


def test_a_class_of_a_user_must_be_handed_in():
    config_of = dtype_policies.serialize(
        DTypePolicyMap(Doubled("float16"), {"a": Doubled("float64")})
    )
    with pytest.raises(ValueError, match=r"unknown class 'Doubled'\..* custom_objects"):
        dtype_policies.deserialize(config_of)
    policies = dtype_policies.deserialize(config_of, {"Doubled": Doubled})
    assert type(policies.default_policy) is type(policies["a"]) is Doubled
    assert policies["a"].name == "float64"


def test_deserialize_does_not_look_at_places_of_code():
    written = {
        "module": "os",
        "class_name": "DTypePolicy",
        "config": {"name": "float16"},
        "registered_name": "os>system",
    }
    assert dtype_policies.deserialize(written) == DTypePolicy("float16")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("DTypePolicy", "expected a dict with the keys 'class_name' and 'config'; got str."),
        ({"name": "float16"}, "got ['name']."),
        ({"class_name": "DTypePolicy", "config": "float16"}, "got ['class_name', 'config']."),
        ({"class_name": "DtypePolicy", "config": {}}, "Did you mean 'DTypePolicy'?"),
        ({"class_name": "dict", "config": {}}, "unknown class 'dict'."),
        ({"class_name": ["DTypePolicy"], "config": {}}, "unknown class ['DTypePolicy']."),
    ],
)
def test_deserialize_refuses(written, text):
    with pytest.raises(ValueError, match=r"^dtype policy, ") as caught:
        dtype_policies.deserialize(written)
    assert text in str(caught.value)


def test_deserialize_makes_policies_only():
    with pytest.raises(ValueError, match="unknown class 'dict'"):
        dtype_policies.deserialize({"class_name": "dict", "config": {}}, {"dict": dict})


# ------------------------------------------------------------------------------------- maps


def test_a_map_finds_paths():
    policies = DTypePolicyMap("float32")
    policies["encoder/layer_0/dense"] = DTypePolicy("bfloat16")
    policies["encoder/.*"] = "float16"
    policies["decoder"] = {"class_name": "DTypePolicy", "config": {"name": "float64"}}
    assert policies["encoder/layer_0/dense"].name == "bfloat16"
    assert policies["encoder/attention/query"].name == "float16"
    assert policies["decoder"].name == "float64"
    assert policies["decoder/attention"].name == "float32"  # a key is no prefix
    assert policies["my/encoder/dense"].name == "float32"  # and matches from the beginning
    assert "decoder" in policies and "decoder/attention" not in policies
    assert list(policies) == ["encoder/layer_0/dense", "encoder/.*", "decoder"]
    assert len(policies) == 3
    del policies["decoder"]
    assert policies["decoder"].name == "float32"
    with pytest.raises(KeyError):
        del policies["decoder"]
    policies["encoder/attention/.*"] = "bfloat16"
    with pytest.raises(
        ValueError, match=r"'encoder/attention/query' matches 2 keys: 'encoder/\.\*'"
    ):
        policies["encoder/attention/query"]


def test_a_map_without_a_default_follows_the_setting():
    policies = DTypePolicyMap(policy_map={"a": "float64"})
    for name in ("float16", "mixed_bfloat16"):
        config.set_dtype_policy(name)
        assert policies["b"].name == policies.default_policy.name == name
        assert policies.name == f"map_{name}"
        assert (policies.compute_dtype, policies.variable_dtype) == POLICIES[name]
    again = dtype_policies.deserialize(dtype_policies.serialize(policies))
    config.set_dtype_policy("float32")
    assert again["b"].name == "float32" and again["a"].name == "float64" and again == policies


def test_a_map_can_be_copied():
    policies = DTypePolicyMap("float16", {"a": "float64"})
    for again in (copy.deepcopy(policies), pickle.loads(pickle.dumps(policies))):
        assert again == policies
    assert repr(policies) == "<DTypePolicyMap default='float16' {'a': 'float64'}>"


def test_a_map_leaves_the_given_dict_alone():
    given = {"a": "float64"}
    policies = DTypePolicyMap("float16", given)
    policies["b"] = "float32"
    assert given == {"a": "float64"}


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            lambda p: DTypePolicyMap(p),
            ValueError,
            "default_policy: expected one policy; got another",
        ),
        (lambda p: DTypePolicyMap(None, [("a", "b")]), TypeError, "policy_map: expected a dict"),
        (lambda p: p.__setitem__("a", "float16"), ValueError, "the key 'a' already has the policy"),
        (lambda p: p.__setitem__("a[", "float16"), ValueError, "'a[' is no regular expression"),
        (lambda p: p.__setitem__(3, "float16"), TypeError, "key: expected a string; got int."),
        (lambda p: p.__setitem__("b", "float7"), errors.DTypeError, "unknown policy 'float7'."),
        (lambda p: hash(p), TypeError, "unhashable"),
    ],
)
def test_a_map_refuses(change, error, text):
    policies = DTypePolicyMap("float32", {"a": "float64"})
    with pytest.raises(error) as caught:
        change(policies)
    assert text in str(caught.value)
    assert dict(policies) == {"a": DTypePolicy("float64")}
