"""A failed row as a program to paste into an interpreter.  Nothing is run here."""

from __future__ import annotations

from polynet import ops
from polynet.backend import Backend
from polynet.conformance.case import Case


def snippet(case: Case, backend: Backend) -> str:
    """A program that makes the row's call, to paste into an interpreter."""
    lines = ["from numpy import array, inf, nan", "import polynet", "from polynet import ops", ""]
    lines.append(f"polynet.set_backend({backend.name!r})")
    call = _literal_call(case)
    if call is None:
        lines += [
            "from polynet.conformance.case import find",
            f"case = find({case.id!r})",
            "args, kwargs = case.arguments([ops.convert_to_tensor(x) for x in case.host()])",
            "print(case.function(*args, **kwargs))",
        ]
    else:
        lines += [*call[0], f"print({call[1]})"]
    if case.reference:
        lines.append(f"# expected: {case.reference}")
    return "\n".join(["To reproduce:", *(f"    {line}" for line in lines)])


def _literal_call(case: Case) -> tuple[list[str], str] | None:
    """Lines that make the inputs, and the call itself; ``None`` if it cannot be written out."""
    hosts = case.host()
    if sum(host.size for host in hosts) > 64:
        return None
    names = [f"x{i}" for i in range(len(hosts))]
    inputs = [
        f"{name} = ops.convert_to_tensor(array({host.tolist()}), {each.dtype!r})"
        for name, host, each in zip(names, hosts, case.inputs, strict=True)
    ]
    args, kwargs = case.arguments([_Name(name) for name in names])
    parts = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    text = f"ops.{case.op}({', '.join(parts)})"
    try:
        compile(text, "snippet", "eval")
    except SyntaxError:
        return None
    return (inputs, text) if hasattr(ops, case.op.partition(".")[0]) else None


class _Name:
    """Prints as the name of a variable."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name
