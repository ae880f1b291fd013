"""Differentiation: boxes and the tape, and the functions ``grad``, ``vjp``, ``jacobian``, ... built on it."""
