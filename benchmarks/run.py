"""Training with polynet beside loops written by hand and beside Keras: speed, first step, single rows, memory.

    python benchmarks/run.py --quick
    python benchmarks/run.py --models mlp cnn --competitors polynet-torch torch --rounds 15
    python benchmarks/run.py --keras-python ~/keras/bin/python --json found.json
    python benchmarks/run.py --show found.json

Each competitor is a process of its own (``worker.py``) that is kept alive and asked in turn for an epoch, so that what
else happens on the machine meets all of them; the order changes from round to round.  Before that all must report the
same losses for the first steps.  Steps per second are medians over rounds; a ratio is the median of the ratios within
each round.  Imports and op dispatch are measured in fresh processes.  The models are in ``models``, the ways to train
them in ``loops``; nothing about a single model or library is said here, but for the targets in ``TARGETS``.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from loops import COMPETITORS
from models import PROBLEMS

HERE = Path(__file__).parent
FIRST_STEPS = 4
"""How many losses must agree."""
QUICK_MODELS = ["mlp", "deep", "cnn"]
QUICK_COMPETITORS = [name for name in COMPETITORS if "compiled" not in name]


class Target(NamedTuple):
    """How fast one competitor shall be beside another."""

    ours: str
    theirs: str
    at_least: float | None
    """``None``: shown for information."""
    models: tuple[str, ...] = tuple(PROBLEMS)


DISPATCH = ("deep",)
"""Models whose steps are mostly overhead."""
BY_HAND_IN_NUMPY = ("mlp", "mlp-32", "deep")
TARGETS = [
    Target("polynet-torch", "torch", 0.95),
    Target("polynet-torch", "keras-torch", 1.3),
    Target("polynet-torch-compiled", "torch-compiled", 0.95),
    Target("polynet-jax", "flax", 1.0, tuple(name for name in PROBLEMS if name not in DISPATCH)),
    Target("polynet-jax", "flax", 1.5, DISPATCH),
    Target("polynet-jax", "keras-jax", None),
    Target("polynet-numpy", "numpy", 0.85, BY_HAND_IN_NUMPY),
    Target("polynet-numpy", "torch", 0.33, ("cnn", "lstm", "transformer")),
    Target("keras-torch", "torch", None),
    Target("keras-jax", "flax", None),
]
COSTS = [
    ("polynet-torch", "torch"),
    ("polynet-torch-compiled", "torch-compiled"),
    ("polynet-jax", "flax"),
    ("polynet-numpy", "numpy"),
    ("keras-torch", "torch"),
    ("keras-jax", "flax"),
]
"""Whose first step, single rows and memory are set beside whose."""


class Failed(Exception):
    """A competitor cannot run, or computes something else."""


class Worker:
    """A competitor in a process of its own."""

    def __init__(self, competitor: str, model: str, options: argparse.Namespace) -> None:
        self.name, self.model = competitor, model
        python = options.keras_python if COMPETITORS[competitor].keras else sys.executable
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the worker)
        threads = str(options.threads)
        steps = options.steps or PROBLEMS[model].steps // (2 if options.quick else 1)
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), json.dumps([competitor, model, steps])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=os.environ
            | {f"{name}_NUM_THREADS": threads for name in ("OMP", "MKL", "OPENBLAS")}
            | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            | COMPETITORS[competitor].environment,
        )
        if hasattr(os, "sched_setaffinity"):  # JAX has as many threads as it may use processors
            with contextlib.suppress(OSError):
                allowed = sorted(os.sched_getaffinity(0))[: options.threads]
                os.sched_setaffinity(self.process.pid, allowed)

    def answer(self) -> dict[str, Any]:
        """What it has to say."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = json.loads(line) if line else {"error": "the process ended"}
        if "error" in found:
            self.errors.seek(0)
            tail = "".join(self.errors.readlines()[-15:])
            raise Failed(f"{self.name} on {self.model}: {found['error']}\n{tail}")
        return found

    def ask(self, what: str, *arguments: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([what, arguments]) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End it; it has nothing left to do."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def competitors_for(model: str, options: argparse.Namespace) -> list[str]:
    """Those that know the model, as far as they are asked for."""
    network = PROBLEMS[model].network
    return [
        name
        for name in options.competitors
        if COMPETITORS[name].file != "numpy_loop" or hasattr(network, "numpy")
    ]


def check_losses(model: str, losses: dict[str, list[float]]) -> None:
    """Refuse to compare what is not the same computation."""
    reference = [statistics.median(column) for column in zip(*losses.values(), strict=True)]
    for name, found in losses.items():
        # the first loss depends on the weights alone; later ones on Adam's first steps too, which amplify rounding
        for step, (a, b) in enumerate(zip(found, reference, strict=True)):
            if not abs(a - b) <= (1e-4 if step == 0 else 0.02) * abs(b):
                raise Failed(f"{name} on {model}: losses {found}; the others have {reference}")


def measure(
    model: str, options: argparse.Namespace, say: Any, problems: list[str]
) -> dict[str, dict[str, Any]]:
    """All numbers of one model, by competitor; whoever cannot run is noted in ``problems``."""
    names = competitors_for(model, options)
    workers: dict[str, Worker] = {}
    starts: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    try:
        for again in range(options.restarts):
            for worker in workers.values():
                worker.close()
            for name in list(names):
                say(f"{model}: first steps of {name}" + (f" ({again + 1})" if again else ""))
                workers[name] = Worker(name, model, options)
                try:
                    workers[name].answer()
                    starts[name].append(workers[name].ask("losses", FIRST_STEPS))
                except Failed as failed:  # the others go on
                    problems.append(str(failed))
                    workers.pop(name).close()
                    names.remove(name)
        check_losses(model, {name: starts[name][0]["losses"] for name in names})
        found: dict[str, dict[str, Any]] = {name: {} for name in names}
        for name in names:
            for key in ("build", "first"):
                found[name][key] = {
                    clock: statistics.median(start[key][clock] for start in starts[name])
                    for clock in ("wall", "processor")
                }
            found[name]["losses"] = starts[name][0]["losses"]
            found[name]["epochs"] = []
        order = list(names)
        for turn in range(options.rounds + 1):
            random.Random(turn).shuffle(order)
            for name in order:
                say(f"{model}: round {turn} of {options.rounds}, {name}")
                times = workers[name].ask("epoch")
                if turn:  # the first warms up
                    found[name]["epochs"].append(times)
        for name in names:
            found[name] |= workers[name].ask("memory")
        for name in names:
            if not options.no_latency:
                say(f"{model}: single rows, {name}")
                found[name] |= workers[name].ask("latency")
    finally:
        for worker in workers.values():
            worker.close()
    return found


# ------------------------------------------------------------------------------------------ imports

IMPORT = """
import time
start = time.perf_counter()
import {library}
middle = time.perf_counter()
import {package}
{package}.ops.add(1.0, 2.0)
print(middle - start, time.perf_counter() - middle)
"""


def imports(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Seconds that importing polynet, or Keras, and a first op take after the library itself."""
    found = {}
    for name in options.competitors:
        chosen = COMPETITORS[name]
        if chosen.file != "fit" or "jit_compile" in chosen.arguments:
            continue
        library, package = chosen.arguments["backend"], chosen.arguments["library"]
        program = IMPORT.format(library=library, package=package)
        runs = []
        warming = options.imports > 1  # the first one fills caches
        for _ in range(options.imports + warming):
            done = subprocess.run(
                [options.keras_python if chosen.keras else sys.executable, "-c", program],
                env=os.environ | chosen.environment,
                capture_output=True,
                text=True,
                check=True,
            )
            runs.append([float(part) for part in done.stdout.split()[-2:]])
        columns = list(zip(*runs[warming:], strict=True))
        found[name] = {
            "library": statistics.median(columns[0]),
            "package": statistics.median(columns[1]),
        }
    return found


def dispatch(options: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """What ``dispatch.py`` finds on each backend, in microseconds by call."""
    found = {}
    for name in options.competitors:
        chosen = COMPETITORS[name]
        if "polynet" in chosen.arguments.values() and "jit_compile" not in chosen.arguments:
            done = subprocess.run(
                [sys.executable, str(HERE / "dispatch.py"), "--json"],
                env=os.environ | chosen.environment | {"OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                check=True,
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
    return found


# ------------------------------------------------------------------------------------------ results


def rate(found: dict[str, Any], clock: str) -> float:
    """Steps per second."""
    return 1 / statistics.median(times[clock] for times in found["epochs"])


def ratio(ours: dict[str, Any], theirs: dict[str, Any], clock: str) -> tuple[float, float, float]:
    """How many times as many steps per second: the median of the rounds, and the quartiles around it."""
    rounds = sorted(
        b[clock] / a[clock] for a, b in zip(ours["epochs"], theirs["epochs"], strict=True)
    )
    middle = statistics.median(rounds)
    if len(rounds) < 4:
        return middle, rounds[0], rounds[-1]
    low, _, high = statistics.quantiles(rounds)
    return middle, low, high


def ratios(found: dict[str, Any], clock: str) -> list[dict[str, Any]]:
    """Every target's ratio on every model that was measured."""
    rows = []
    for target in TARGETS:
        for model in target.models:
            ours, theirs = (found.get(model, {}).get(name) for name in (target.ours, target.theirs))
            if ours is None or theirs is None:
                continue
            middle, low, high = ratio(ours, theirs, clock)
            needed = target.at_least
            if target.theirs.startswith("keras") and needed is not None:
                by_hand = found[model].get(target.theirs.removeprefix("keras-"))
                if by_hand is None or rate(theirs, clock) >= rate(by_hand, clock):
                    needed = None
            rows.append(
                {
                    "model": model,
                    "ours": target.ours,
                    "theirs": target.theirs,
                    "ratio": middle,
                    "low": low,
                    "high": high,
                    "target": needed,
                    "met": needed is None or middle >= needed,
                }
            )
    return rows


def machine() -> dict[str, Any]:
    """What it was measured on."""
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":")[1].strip()
                break
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions(options: argparse.Namespace) -> dict[str, str]:
    """Of the libraries here, and of Keras."""
    found = {}
    for name in ("numpy", "torch", "jax", "flax", "optax", "polynet-dl"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    if options.keras_python:
        program = "import importlib.metadata as m; print(m.version('keras'))"
        done = subprocess.run(
            [options.keras_python, "-c", program], capture_output=True, text=True, check=False
        )
        found["keras"] = done.stdout.strip()
    return found


# ------------------------------------------------------------------------------------------ tables


class Terminal:
    """Tables as people read them."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)

    def line(self, text: str, style: str = "") -> None:
        """A line of text."""
        self.console.print(text, style=style, markup=False)

    def table(self, title: str, heads: list[str], rows: Iterable[list[str]]) -> None:
        """A table whose first column are names and whose others are numbers."""
        from rich import box
        from rich.table import Table

        table = Table(title=title, box=box.SIMPLE, title_justify="left")
        for number, head in enumerate(heads):
            table.add_column(head, justify="right" if number else "left")
        for row in rows:
            table.add_row(*row, style="red" if row[-1] == "no" else "")
        self.console.print(table)


class Markdown(Terminal):
    """Tables for a page."""

    def table(self, title: str, heads: list[str], rows: Iterable[list[str]]) -> None:
        """A table whose first column are names and whose others are numbers."""
        print(f"\n{title}:\n")
        for row in ([*heads], ["---", *("---:" for _ in heads[1:])], *rows):
            print(f"| {' | '.join(row)} |")


def show(out: Terminal, result: dict[str, Any]) -> None:
    """Print what was found."""
    found, clock = result["models"], result["clock"]
    about = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    out.line(
        f"{result['machine']['processor']}, {result['machine']['cores']} cores, "
        f"{result['threads']} threads each; {clock} time; {about}; {result['date'][:10]}"
    )
    for failed in result["failed"]:
        out.line(f"Left out: {failed}", "red")
    _show_speed(out, found, clock)
    _show_ratios(out, result["ratios"])
    _show_costs(out, found, clock)
    if result["imports"]:
        rows = [
            [COMPETITORS[name].title, f"{1e3 * t['library']:.0f}", f"{1e3 * t['package']:.0f}"]
            for name, t in result["imports"].items()
        ]
        out.table("Import, ms", ["", "the library", "and then this"], rows)
    if result["dispatch"]:
        rows = []
        for name, calls in result["dispatch"].items():
            more = [times["difference"] for times in calls.values()]
            row = [COMPETITORS[name].title, f"{statistics.median(more):.2f}", f"{max(more):.2f}"]
            rows.append(row)
        heads = ["", "median", f"most, of {len(calls)}"]
        out.table("An op call over the library's own, µs", heads, rows)


def _show_speed(out: Terminal, found: dict[str, Any], clock: str) -> None:
    names = [name for name in COMPETITORS if any(name in by for by in found.values())]
    rows = [
        [
            COMPETITORS[name].title,
            *(f"{rate(by[name], clock):.4g}" if name in by else "" for by in found.values()),
        ]
        for name in names
    ]
    out.table("Steps per second", ["", *found], rows)


def _show_ratios(out: Terminal, rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            f"{row['ours']} / {row['theirs']}",
            row["model"],
            f"{row['ratio']:.2f}",
            f"{row['low']:.2f} to {row['high']:.2f}",
            "" if row["target"] is None else f"{row['target']:.2f}",
            "" if row["target"] is None else "yes" if row["met"] else "no",
        ]
        for row in rows
    ]
    heads = ["Ratio of steps per second", "model", "median", "middle half", "target", "met"]
    out.table("Ratios", heads, lines)


def _show_costs(out: Terminal, found: dict[str, Any], clock: str) -> None:
    rows = []
    for model, by in found.items():
        for ours, theirs in COSTS:
            if ours not in by or theirs not in by:
                continue
            a, b = by[ours], by[theirs]
            row = [f"{ours} / {theirs}", model]
            for key, unit, digits in (
                *(("build", 1, 2), ("first", 1, 2)),
                *(("call", 1e6, 0), ("predict", 1e6, 0)),
            ):
                pair = [one[key][clock] * unit for one in (a, b) if key in one]
                row.append(" / ".join(f"{value:.{digits}f}" for value in pair))
            row.append(f"{a['peak']:.0f} / {b['peak']:.0f}")
            rows.append(row)
    heads = ["", "model", "build, s", "first step, s", "call, µs", "predict, µs", "peak, MiB"]
    out.table("First step, one row, memory", heads, rows)


# ------------------------------------------------------------------------------------------ main


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description="Training with polynet beside loops by hand and Keras."
    )
    parser.add_argument("--models", nargs="+", choices=PROBLEMS, metavar="MODEL")
    parser.add_argument("--competitors", nargs="+", choices=COMPETITORS, metavar="COMPETITOR")
    parser.add_argument("--rounds", type=int, help="epochs of each, after one to warm up")
    parser.add_argument("--steps", type=int, help="batches in an epoch, instead of the model's")
    parser.add_argument("--restarts", type=int, default=1, help="processes for the first step")
    parser.add_argument("--imports", type=int, help="processes for the import time; 0: leave out")
    parser.add_argument("--no-latency", action="store_true", help="leave out single rows")
    parser.add_argument("--no-dispatch", action="store_true", help="leave out calls of single ops")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each competitor")
    parser.add_argument(
        "--clock",
        choices=("wall", "processor"),
        default="wall",
        help="processor time, with --threads 1, is steadier on a busy machine",
    )
    parser.add_argument("--keras-python", help="an interpreter that has keras, torch and jax")
    parser.add_argument("--quick", action="store_true", help="a part of it, under three minutes")
    parser.add_argument("--json", type=Path, help="where to write everything")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    parser.add_argument("--show", type=Path, help="print such a file again, and measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument("--list", action="store_true", help="show models and competitors")
    options = parser.parse_args(arguments)
    options.models = options.models or (QUICK_MODELS if options.quick else list(PROBLEMS))
    options.competitors = options.competitors or (
        QUICK_COMPETITORS if options.quick else list(COMPETITORS)
    )
    options.rounds = options.rounds or (3 if options.quick else 11)
    options.imports = (1 if options.quick else 9) if options.imports is None else options.imports
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = parsed(arguments)
    out = Markdown() if options.markdown else Terminal()
    if options.list:
        out.table("Models", ["", ""], [[name, p.title] for name, p in PROBLEMS.items()])
        out.table("Competitors", ["", ""], [[n, c.title] for n, c in COMPETITORS.items()])
        return 0
    if options.show:
        show(out, json.loads(options.show.read_text()))
        return 0
    if not options.keras_python:
        without = [name for name in options.competitors if not COMPETITORS[name].keras]
        if len(without) < len(options.competitors):
            out.line("Keras is left out: --keras-python names an interpreter that has it.")
        options.competitors = without
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(options),
        "threads": options.threads,
        "rounds": options.rounds,
        "clock": options.clock,
        "models": {},
        "imports": {},
        "dispatch": {},
        "failed": [],
    }
    with out.console.status("") as status:
        for model in options.models:
            try:
                found = measure(model, options, status.update, result["failed"])
                result["models"][model] = found
            except Failed as failed:
                result["failed"].append(str(failed))
            _write(result, options.json)  # what was measured so far is not lost
        if options.imports:
            status.update("imports")
            result["imports"] = imports(options)
        if not options.no_dispatch:
            status.update("op calls")
            result["dispatch"] = dispatch(options)
    _write(result, options.json)
    show(out, result)
    missed = [row for row in result["ratios"] if not row["met"]]
    return 1 if result["failed"] or (options.check and missed) else 0


def _write(result: dict[str, Any], path: Path | None) -> None:
    result["ratios"] = ratios(result["models"], result["clock"])
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
