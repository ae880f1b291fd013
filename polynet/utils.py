"""The names of Keras's ``utils`` that polynet has so far; each is defined elsewhere."""

from polynet.random.seed_generator import set_random_seed

__all__ = ["set_random_seed"]
