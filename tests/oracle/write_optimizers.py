"""Write what Keras computes for `tests/optimizer_rows.py` to `tests/data/optimizers.json`; no test.

KERAS_BACKEND=jax python tests/oracle/write_optimizers.py
"""

import json
import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
os.environ.setdefault("KERAS_BACKEND", "jax")


def expected():
    """For each row of optimizers the variables and the weights, for each schedule its values."""
    import keras
    import numpy as np
    import optimizer_rows as rows

    found = {"keras": keras.__version__, "optimizers": {}, "schedules": {}}
    for row in rows.ROWS:
        keras.backend.clear_session()
        optimizer, variables = rows.run(keras, row)
        if optimizer.use_ema:
            optimizer.finalize_variable_values(variables)
        found["optimizers"][row] = {
            "variables": [[v.path, list(v.shape), str(v.dtype)] for v in optimizer.variables],
            "weights": [
                [float(f"{x:.9g}") for x in np.asarray(keras.ops.convert_to_numpy(v)).ravel()]
                for v in variables
            ],
        }
    for row in rows.SCHEDULES:
        name, kwargs = rows.arguments_of_schedule(row)
        schedule = getattr(keras.optimizers.schedules, name)(**kwargs)
        values = [float(schedule(step)) for step in rows.SCHEDULE_STEPS]
        found["schedules"][row] = [float(f"{x:.9g}") for x in values]
    return found


if __name__ == "__main__":
    data = expected()
    lines = [f' "keras": {json.dumps(data["keras"])}']
    for part in ("optimizers", "schedules"):
        inner = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in data[part].items())
        lines.append(f' "{part}": {{\n{inner}\n }}')
    (TESTS / "data" / "optimizers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
