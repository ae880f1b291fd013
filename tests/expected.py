"""What a row of the conformance cases expects: its reference, evaluated with NumPy, SciPy and `references`.

The published suite knows no reference library; this is where the expressions of the rows get theirs. No checks here.
"""

import importlib
import importlib.util
import math
import warnings

import numpy as np
import references
import scipy
import scipy.fft
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.special

NAMES = {
    "np": np,
    "scipy": scipy,
    "special": scipy.special,
    "math": math,
    **{name: value for name, value in vars(references).items() if callable(value)},
}


def expected(case):
    """The reference's result for the data of a row, floats in float64; None where torch is missing."""
    names = dict(NAMES)
    if "torch" in case.reference:
        if importlib.util.find_spec("torch") is None:
            return None
        names["torch"] = importlib.import_module("torch")
    leaves = [wide(host) for host in case.host()]
    names |= case.named(leaves)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty slices and the like: the op says what it thinks
        return eval(case.reference, names)


def wide(host):
    if host.dtype.kind == "f":
        return host.astype("float64")
    return host.astype("complex128") if host.dtype.kind == "c" else host
