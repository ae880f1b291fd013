"""Training: from data to batches, the loop over them, what it reports and shows.

``trainer.py`` is the loop, ``data.py`` makes batches of whatever is given, ``logs.py`` and ``progress.py`` are what
people and callbacks see.  Models, losses and optimizers are defined elsewhere.
"""
