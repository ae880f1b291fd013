"""The conformance suite itself: what is blocked by what, deviations, rows that are missing, reports and badges.

Whole runs are the subject of test_conformance_runs.py, faults that the rows must find that of test_faults.py.
"""

import copy
import itertools
import xml.etree.ElementTree

import numpy as np
import pytest

from polynet import plugins
from polynet.conformance import (
    blocking,
    deviations,
    engine,
    interface,
    memory,
    ops,
    report,
    selection,
    suite,
)
from polynet.conformance.case import array, bad, case, find
from polynet.errors import FileError, ShapeError
from polynet_numpy.backend import NumpyBackend


@pytest.fixture
def acme(monkeypatch):
    """Makes a backend with other methods than NumPy's the active one."""

    def make(**methods):
        backend = type("Acme", (NumpyBackend,), methods)()
        backend.name = "numpy"
        monkeypatch.setitem(plugins._loaded, "numpy", backend)
        plugins.set_backend("numpy")
        return backend

    before = plugins.active_name()
    real = plugins.get("numpy")
    yield make
    plugins._loaded["numpy"] = real
    plugins.set_backend(before)


def outcomes(row, backend, **options):
    options.setdefault("blame", True)
    found = engine.run(ops.SUBJECT, find(row), backend, **options)
    return {outcome.check: (outcome.status, outcome.message.splitlines()[:1]) for outcome in found}


# ------------------------------------------------------------------------------------ blocked by


def test_a_composite_is_blocked_by_the_primitive_that_fails(acme):
    backend = acme(log=staticmethod(lambda x: np.log(x) + 0.1))
    found = outcomes("logsumexp-2x3x4-axis=0-keepdims=False", backend, only=["values"])
    assert found["values"] == ("blocked", ["blocked by log"])
    row = next(row.id for row in ops.rows() if row.op == "log" and row.error is None)
    assert outcomes(row, backend, only=["values"])["values"][0] == "failed"


def test_a_layer_is_blocked_by_the_op_that_fails(acme):
    layers = next(subject for subject in suite.subjects() if subject.name == "layers")
    row = next(row for row in layers.rows() if row.name == "Dense")
    backend = acme(affine=staticmethod(lambda x, kernel, bias: x @ kernel + bias + 0.1))
    found = engine.run(layers, row, backend, only=["values"], blame=True)
    assert [(outcome.status, outcome.message) for outcome in found] == [
        ("blocked", "blocked by affine")
    ]


def test_by_its_own_body_a_composite_fails(acme, monkeypatch):
    from polynet.op import OPS

    backend = acme()
    monkeypatch.setattr(OPS["silu"], "function", lambda x: x)
    backend.hot.clear()
    assert outcomes("silu-2x3x4", backend, only=["values"])["values"][0] == "failed"


def test_by_an_override_that_fails(acme):
    """What runs through another composite's method is blocked by that one."""
    backend = acme(sigmoid=staticmethod(lambda x: 1 / (1 + np.exp(-x)) + 0.1))
    found = outcomes("silu-2x3x4", backend, only=["values"])
    assert found["values"] == ("blocked", ["blocked by sigmoid"])


def test_a_primitive_that_is_missing_blocks_its_own_rows_too(acme):
    backend = acme(exp=None)
    assert outcomes("exp-2x3", backend)["values"] == ("blocked", ["blocked by exp"])
    assert outcomes("logsumexp-2x3x4-axis=0-keepdims=False", backend)["values"] == (
        "blocked",
        ["blocked by exp"],
    )


def test_a_gradient_is_blocked_by_the_primitive_that_it_runs_through(acme):
    """The rule of sin calls cos."""
    backend = acme(cos=staticmethod(lambda x: np.cos(x) * 1.1))
    found = outcomes("sin-2x3", backend, tier="core")
    assert found["values"][0] == "passed"
    assert found["gradients"] == ("blocked", ["blocked by cos"])


def test_two_primitives_do_not_block_each_other(acme):
    """Someone is to blame: where all fail, not all are blocked."""

    def off(name):
        return staticmethod(lambda *args: getattr(np, name)(*args) + 0.1)

    wrong = {name: off(name) for name in ("multiply", "add", "exp")}
    backend = acme(**wrong)
    rows = [row for row in ops.rows() if row.op in wrong and row.error is None]
    found = [
        outcome for row in rows for outcome in engine.run(ops.SUBJECT, row, backend, blame=True)
    ]
    failed = {outcome.row.split("-")[0] for outcome in found if outcome.status == "failed"}
    assert failed == {"ops/multiply", "ops/add", "ops/exp"}


def test_what_is_missing_is_ordered_by_need(acme):
    backend = acme(multiply=None, arctan=None, sum=None)
    assert blocking.missing(backend) == ["multiply", "sum", "arctan"]
    said = {
        name: part(name, backend).get("written", "").partition("\n")[0]
        for name in ("multiply", "arctan", "exp")
    }
    assert said["multiply"] == (
        "write multiply(x1, x2): Product, element-wise; of bools, logical and. Of 3 that are missing it is needed most."
    )
    assert said["arctan"].startswith("write arctan(x): ") and "needed most" not in said["arctan"]
    assert said["exp"] == ""


# ------------------------------------------------------------------------------------ the interface


def part(name, backend):
    found = engine.run(interface.SUBJECT, interface.Part(name), backend)
    return {outcome.check: outcome.message for outcome in found if outcome.status == "failed"}


def test_methods_have_the_parameters_of_their_ops(acme):
    def softmax(x, dim=-1):
        pass

    def sum(x, axis=0, keepdims=False):
        pass

    def max(x, axis=None, keepdims=False):
        pass

    for function in (softmax, sum, max):
        function.__module__ = __name__
    backend = acme(softmax=staticmethod(softmax), sum=staticmethod(sum), max=staticmethod(max))
    assert (
        "softmax: expected the parameters (x: 'Tensor', axis"
        in part("overrides", backend)["signature"]
    )
    assert "the defaults of axis differ" in part("sum", backend)["signature"]
    assert part("max", backend) == {} and part("exp", backend) == {}
    backend = acme(exp=len)
    assert part("exp", backend) == {}
    backend = acme(multiply=len)
    assert "multiply: " in part("multiply", backend)["signature"]


@pytest.mark.parametrize(
    ("methods", "says"),
    [
        (
            {"asarray": lambda self, value, dtype: np.asarray(value, "float32")},
            "dtype_of and shape_of",
        ),
        ({"to_numpy": lambda self, x: x.tolist()}, "to_numpy(bool): expected an array"),
        ({"to_numpy": lambda self, x: np.zeros_like(x)}, "other values"),
        ({"tensor_types": (str,)}, "expected one of tensor_types"),
        ({"dtypes": {"float32": np.dtype("float32")}}, "dtypes: bool, int32 must be among them"),
    ],
)
def test_arrays_go_in_and_come_out(acme, methods, says):
    assert part("arrays", acme()) == {}
    assert says in part("arrays", acme(**methods))["arrays"]


def test_a_backend_without_complex_numbers_need_not_write_what_is_for_them(acme):
    kept = {name: dtype for name, dtype in NumpyBackend.dtypes.items() if "complex" not in name}
    backend = acme(dtypes=kept, complex_from=None, exp=None)
    assert blocking.missing(backend) == ["exp"]
    assert part("complex_from", backend) == {}
    rows = [row for row in ops.rows() if row.op in ("complex_from", "real", "eig", "fft")]
    found = {
        outcome.id: outcome.status
        for row in rows
        for outcome in engine.run(ops.SUBJECT, row, backend, blame=True)
    }
    assert set(found.values()) == {"passed", "skipped"}
    assert found["ops/real-3::values"] == "passed"


# ------------------------------------------------------------------------------------ rows


def test_every_name_has_a_row():
    for subject in suite.subjects():
        assert selection.missing(subject) == []


def test_a_name_without_a_row_is_seen():
    def subject(rows, names, exempt):
        return suite.Subject("mine", lambda: rows, None, {}, None, lambda: names, exempt)

    row = interface.Part("there")
    assert selection.missing(subject([row], ["there"], {})) == []
    assert selection.missing(subject([row], ["there", "new"], {})) == ["new"]
    assert selection.missing(subject([row], ["there", "new"], {"new": "why"})) == []
    assert selection.missing(subject([row], ["there"], {"there": "why"})) == [
        "there (exempt, but it has a row)"
    ]
    assert selection.missing(subject([row], ["there"], {"gone": "why"})) == [
        "gone (exempt, but there is no such name)"
    ]


def test_a_row_without_a_stored_result_fails():
    row = case("exp", array(7, 7, low=0.25), reference="np.exp(x)")
    found = engine.run(ops.SUBJECT, row, plugins.current(), only=["values"])
    assert found[0].status == "failed" and "write_golden.py ops" in found[0].message


def test_no_two_rows_have_one_name():
    for subject in suite.subjects():
        names = [row.id for row in subject.rows()]
        assert len(names) == len(set(names))


def test_tiers_hold_one_another():
    for subject in suite.subjects():
        for row in subject.rows():
            plans = [set(subject.plan(row, tier)) for tier in suite.TIERS]
            assert all(less <= more for less, more in itertools.pairwise(plans)) and plans[-1]


def test_core_is_of_primitives_alone():
    core = {row.name for subject, row in selection.chosen("core") if subject.name == "ops"}
    assert all(map(ops.is_primitive, core)) and "exp" in core
    assert {subject.name for subject, _ in selection.chosen("core")} == {"interface", "ops"}


def test_a_share_of_the_rows_has_every_name_and_every_wrong_call():
    all_, some = (
        {f"{subject.name}/{row.id}": row for subject, row in selection.chosen("full", sample)}
        for sample in (1, 12)
    )
    assert len(some) < len(all_) / 2
    assert {row.name for row in some.values()} == {row.name for row in all_.values()}
    errors = {name for name, row in all_.items() if getattr(row, "error", None) is not None}
    assert len(errors) > 500 and errors <= set(some)


def test_the_quick_tiers_compute_no_second_derivative():
    row = find("exp-2x3")
    for tier, order in (("core", 1), ("full", 2)):
        trial = ops.Trial(row, plugins.current())
        trial.planned = frozenset(ops.SUBJECT.plan(row, tier))
        assert trial.derivatives.order == order


# ------------------------------------------------------------------------------------ deviations


def test_what_is_listed_deviates_or_fails():
    listed = dict.fromkeys(["a::one", "a::two", "a::three", "b::one"], "a reason")
    found = [
        engine.Outcome("a", "one", "failed", "wrong"),
        engine.Outcome("a", "two", "passed"),
        engine.Outcome("a", "three", "skipped", "no floats"),
        engine.Outcome("a", "four", "failed", "wrong"),
        engine.Outcome("b", "one", "blocked", "blocked by exp"),
    ]
    deviations.apply(found, listed)
    assert [outcome.status for outcome in found] == [
        "deviates",
        "failed",
        "failed",
        "failed",
        "deviates",
    ]
    assert "it passes, although it is listed" in found[1].message
    assert "has nothing to check: no floats" in found[2].message
    assert found[3].message == "wrong"


def test_the_files_of_the_backends_here_match_the_suite():
    for name in ("numpy", "torch", "jax"):
        assert deviations.unmatched(deviations.known(name)) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[deviation]]\nid = 'a'\n", "a has no reason"),
        ("[[deviation]]\nid = 'a'\nreason = ''\n", "a has no reason"),
        ("[[deviation]]\nreason = 'so'\n", "expected an id and a reason"),
        ("[[deviation]]\nid = 'a'\nreason = 'so'\nsince = 1\n", "expected an id and a reason"),
        ("[[deviation]]\nid = 'a'\nreason = 'so'\n" * 2, "a is listed twice"),
        ("deviation = 3\n", "expected tables"),
        ("[[other]]\n", "expected tables"),
        ("not toml", "d.toml"),
    ],
)
def test_files_that_are_none(tmp_path, content, says):
    path = tmp_path / "d.toml"
    path.write_text(content)
    with pytest.raises(FileError, match=says):
        deviations.read(path)
    with pytest.raises(FileError, match="there is no such file"):
        deviations.read(tmp_path / "other.toml")


# ------------------------------------------------------------------------------------ reports


class Row:
    def __init__(self, name):
        self.name = name


def made(*rows, **changes):
    """A report of rows, each a name and the status of each check."""
    facts = {
        **{
            "backend": "acme",
            "versions": {"polynet": "0.1"},
            "machine": "a machine",
            "float64": "",
        },
        **{"dtypes": [], "missing": [], "next": "", "whole": True},
        **changes,
    }
    entries = []
    for name, checks in rows:
        found = [
            engine.Outcome(
                f"ops/{name}-2", check, status, f"{status}: <why>", 0.5, {"float32": 1e-7}
            )
            for check, status in checks.items()
        ]
        entries.append(report.entry(Row(name), found, facts))
    return report.gather(entries, tier="full", sample=1, seconds=12.3)


PASSED = ("exp", {"values": "passed", "shapes": "passed", "quiet": "skipped"})
FAILED = ("log", {"values": "failed", "shapes": "passed"})
BLOCKED = ("gelu", {"values": "blocked"})
KNOWN = ("sin", {"values": "deviates"})


def test_a_badge_counts_what_was_checked():
    assert report.badge(made(PASSED)) == "polynet full: 2 of 2"
    assert report.badge(made(PASSED, FAILED, BLOCKED)) == "polynet full: 3 of 5"
    assert report.badge(made(PASSED, KNOWN)) == "polynet full: 2 of 3, 1 known deviation"
    assert report.badge(made(PASSED, whole=False)) == "polynet full (a part): 2 of 2"
    assert report.badge({**made(PASSED), "sample": 12}) == "polynet full (1 row in 12): 2 of 2"


def test_the_summary_has_in_full_only_what_went_wrong():
    text = "\n".join(report.as_text(made(PASSED, FAILED, BLOCKED, KNOWN)))
    assert (
        "ops/log" in text
        and "ops/gelu" in text
        and "0/1 F" in text
        and "0/1 b" in text
        and "0/1 d" in text
    )
    assert not any(line.startswith("ops/exp") for line in text.splitlines())
    assert "largest errors" in text and "float32: " in text and "1.0e-07" in text
    assert "next:" not in text and "without float64" not in text
    text = "\n".join(
        report.as_text(
            made(
                PASSED, missing=["a", "b"], next="a(x): An op.", float64="off", dtypes=["complex64"]
            )
        )
    )
    assert "2 primitives are not written.\nnext: write a(x): An op." in text
    assert "without float64, and so without most gradients: off" in text
    assert "rows were skipped that need one of complex64" in text


def test_files(tmp_path):
    found = made(PASSED, FAILED, BLOCKED, KNOWN)
    for name in ("a.json", "a.md", "a.html", "a.svg"):
        report.write(found, tmp_path / "deep" / name)
    texts = {path.suffix: path.read_text() for path in (tmp_path / "deep").iterdir()}
    assert report.read(tmp_path / "deep" / "a.json") == found
    assert "### `ops/log-2::values`\n\n```\nfailed: <why>" in texts[".md"]
    assert "| ops/log | 0/1 F | 1 |" in texts[".md"]
    assert "failed: &lt;why&gt;" in texts[".html"] and "<why>" not in texts[".html"]
    assert "<td class='failed'>0/1 F</td>" in texts[".html"]
    badge = xml.etree.ElementTree.fromstring(texts[".svg"])
    assert badge[0].text == "polynet full: 3 of 6, 1 known deviation"
    assert "#c0392b" in texts[".svg"] and "#2e8b3d" in report.as_svg(made(PASSED))
    with pytest.raises(FileError, match="expected a name that ends in"):
        report.write(found, tmp_path / "a.pdf")


def test_what_is_no_report(tmp_path):
    for content in ("", "[]", '{"format": 99}'):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(FileError, match=r"a\.json"):
            report.read(tmp_path / "a.json")
    with pytest.raises(FileError, match=r"b\.json"):
        report.read(tmp_path / "b.json")


def test_differences(tmp_path, capsys):
    from polynet.cli import main

    one = made(PASSED, FAILED, BLOCKED)
    other = made(("exp", {"values": "failed", "shapes": "passed"}), ("log", dict(FAILED[1])), KNOWN)
    other["errors"]["ops/exp"]["float32"] = 1e-3
    lines = report.difference(one, other)
    assert lines[:2] == ["passed -> failed: 1", "    ops/exp-2::values"]
    assert "absent -> deviates: 1" in lines and "blocked -> absent: 1" in lines
    assert "the error of ops/exp in float32 grew from 1.0e-07 to 1.0e-03" in lines
    for name, each in (("one", one), ("other", other)):
        report.write(each, tmp_path / f"{name}.json")
    paths = [str(tmp_path / f"{name}.json") for name in ("one", "other")]
    assert main(["conformance", "--diff", *paths]) == 1
    assert "passed -> failed: 1" in capsys.readouterr().out
    assert main(["conformance", "--diff", *paths[::-1]]) == 1  # what is blocked now was not there
    assert main(["conformance", "--diff", paths[0], paths[0]]) == 0
    assert "no check came to anything else" in capsys.readouterr().out
    better = copy.deepcopy(one)
    better["rows"]["ops/log-2"]["checks"]["values"] = "passed"
    report.write(better, tmp_path / "better.json")
    assert main(["conformance", "--diff", paths[0], str(tmp_path / "better.json")]) == 0


# ------------------------------------------------------------------------------------ memory


def test_memory_is_given_back_when_there_is_much_of_it(acme):
    freed = []
    backend = acme(free_memory=lambda self: freed.append(True))
    assert not memory.Keeper(backend, limit=1e9).look() and not freed
    if not memory.now():
        pytest.skip("the memory of a process cannot be asked here")
    keeper = memory.Keeper(backend, limit=1.0)
    assert keeper.look() and freed == [True]
    assert not keeper.look()  # what stays is not asked for again


# ------------------------------------------------------------------------------------ a failure's program


def test_a_wrong_call_that_is_no_error_fails(acme):
    backend = acme()
    row = bad("exp", array(2), error=ShapeError, match="so")
    found = engine.run(ops.SUBJECT, row, backend)
    assert [outcome.check for outcome in found] == ["errors"]
    assert found[0].status == "failed" and "expected ShapeError" in found[0].message
    assert "To reproduce:" in found[0].message
