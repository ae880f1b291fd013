"""Making data: datasets that give batches, and host arrays turned into what models take.

One file each: ``py_dataset.py`` and its ``workers.py``, ``packing.py``, ``labels.py``, ``sequences.py``,
``splitting.py``.  Their names are published in ``polynet.utils``.  How a model reads data is in ``polynet/training``.
"""
