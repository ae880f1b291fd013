"""Every file of examples/ runs as it is on the active backend and prints what it should."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"

EXPECTED = {
    "fit_line": r"epoch  20: .*epoch 200: mse 0\.00\d+, a 3\.0\d+, b 0\.9\d+|epoch 200: mse 0\.0",
    "linear_classifier": r"accuracy (98|99|100)\.\d+ %",
    "speed_and_acceleration": r"fallen 19\.60 m, speed 19\.60 m/s, acceleration 9\.80 m/s²",
    "newton": r"step 7: x = \(1\.0000\d+, 1\.0000\d+\)|step 7: x = \(0\.9999\d+, 0\.9999\d+\)",
    "physics_informed": r"largest error against sin t: 0\.0\d+",
    "simple_dense": r"outputs \(128, 512\), 401,920 weights",
    "my_sequential": r"loss \d\.\d+ -> 1\.\d+",
    "digits": r"accuracy (9[5-9]|100)\.\d %.*bit for bit: True",
    "binary_classifier": r"accuracy (9[89]|100)\.\d %, area under the curve (0\.99|1\.0)",
    "many_classes": r"accuracy (8[89]|9\d)\.\d %.*one-hot .* at most \de[-+]0[06-9].*softmax.* at most \de-0[5-9]",
    "shuffle_and_split": r"trained on 420 points, validated on 180",
    "overfitting": r"plain: loss 0\.00\d, validation loss [1-9].*stopped after \d+ epochs.*best validation loss 0\.",
    "vae": r"loss 0\.\d+ -> 0\.0\d+; two waves drawn: \(2, 32\)",
    "gan": r"drawn mean \((1\.[5-9]|2\.[0-5]), -(0\.[6-9]|1\.[0-4])\)",
    "text_classifier": r"accuracy on new sentences (9\d|100)\.\d %",
    "transformer": r"-> (9[5-9]|100)\.\d % on new sequences",
    "forecast": r"mean error 0\.0\d+; of repeating the last value 0\.1",
    "survives_a_kill": r"killed in epoch 2\nkilled in epoch 4\nthe same bits: True",
    "per_example_gradients": r"shape \(8, 3\).*up to \d\.\de-0[6-9]|up to 0\.0e\+00",
}


def test_every_example_is_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name, tmp_path):
    arguments = [str(tmp_path / "picture.png")] if name == "linear_classifier" else []
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(EXPECTED[name], run.stdout, re.DOTALL), run.stdout
    for argument in arguments:
        assert pathlib.Path(argument).stat().st_size > 10_000
