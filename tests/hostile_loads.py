"""A program that loads files, watched by an audit hook: what each load did, how it ended, what it took.

Run by test_hostile_files.py: ``python hostile_loads.py BENIGN LIST`` loads the benign file to have everything
imported, then each file of the list, and prints one line of JSON for each.
"""

import importlib
import json
import resource
import sys
import time

WATCHED = (
    *(
        "open",
        "exec",
        "compile",
        "import",
        "socket.",
        "subprocess.",
        "os.",
        "shutil.",
        "tempfile.",
        "pickle.",
    ),
    *(
        "marshal.",
        "ctypes.",
        "urllib.",
        "code.",
        "function.__new__",
        "pathlib.",
        "glob.",
        "webbrowser.",
    ),
    *(
        "sqlite3.",
        "smtplib.",
        "ftplib.",
        "http.",
        "fcntl.",
        "signal.",
        "builtins.input",
        "builtins.breakpoint",
    ),
)
events = []
watching = False


def watch(event, args):
    if watching and event.startswith(WATCHED):
        events.append([event, repr(args[0] if args else "")[:200]])


def main():
    global watching
    import numpy as np

    import polynet
    from polynet import layers
    from polynet.configurable import KINDS
    from polynet.saving import weights

    for kind in KINDS:  # names of these pages may be imported when they are first used
        page = importlib.import_module(f"polynet.{kind}")
        for name in page.__all__:
            getattr(page, name)
    fresh = polynet.Sequential([polynet.Input((3,)), layers.Dense(2), layers.Dense(1)])

    def load(path):
        if path.endswith((".polynet", ".keras")):
            return polynet.load_model(path)
        before = [v.numpy().copy() for v in fresh.weights]
        try:
            fresh.load_weights(path)
        except Exception:
            now = [v.numpy() for v in fresh.weights]
            assert all(np.array_equal(a, b) for a, b in zip(before, now, strict=True))
            raise
        return fresh

    for benign in sys.argv[1].split(","):
        expected = load(benign)
    expected = {k: v.numpy().tobytes() for k, v in weights.weights_by_name(expected).items()}
    for path in sys.stdin.read().split("\n"):
        if not path:
            continue
        events.clear()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, ended = time.process_time(), "loaded"
        watching = True
        try:
            model = load(path)
        except polynet.errors.FileError as error:
            ended = f"refused: {error}"
        except BaseException as error:
            ended = f"broken: {type(error).__name__}: {error}"
        watching = False
        took = time.process_time() - start
        if ended == "loaded":
            got = {k: v.numpy().tobytes() for k, v in weights.weights_by_name(model).items()}
            ended = "the same" if got == expected else "loaded"
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024
        print(json.dumps([path, ended, took, more, events]), flush=True)


if __name__ == "__main__":
    sys.addaudithook(watch)
    main()
