"""Fewer rows where each row is expensive. No fixtures.

JAX compiles each op anew for each row of a table, so that its environment runs a share of the rows: one in
``POLYNET_TEST_EVERY``, another share of each table.  ``tox -e jax-full`` runs all; the other backends always do.
"""

import os
import zlib
from collections import Counter

EVERY = int(os.environ.get("POLYNET_TEST_EVERY", "1"))

TABLES = (
    "test_declaring",
    "test_initializers",
    "test_layers_",
    "test_losses",
    "test_optimizers",
    "test_updates",
)
"""Files of rows, by how their names begin; the published suite has an option for it, ``--polynet-sample``."""


def pytest_collection_modifyitems(config, items):
    if EVERY == 1:
        return
    of_table = [
        item for item in items if hasattr(item, "callspec") and item.path.name.startswith(TABLES)
    ]
    rows = Counter((item.path, item.originalname) for item in of_table)
    met: Counter = Counter()
    left = []
    for item in of_table:
        table = item.path, item.originalname
        first = zlib.crc32(item.originalname.encode()) % min(EVERY, rows[table])
        if met[table] % EVERY != first:
            left.append(item)
        met[table] += 1
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(map(id, left))
        items[:] = [item for item in items if id(item) not in gone]
