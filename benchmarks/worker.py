"""One competitor in a process of its own: reads requests, a line of JSON each, and answers each with a line.

Started by ``run.py``, which keeps it alive and asks the competitors in turn.  What it measures is said there.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from typing import Any

REPEATS = 100
"""Calls over which the time of a single row is taken."""


class Stopwatch:
    """Seconds since it was made, by the wall and of the processors that this process has used."""

    def __init__(self) -> None:
        self.begin = time.perf_counter(), time.process_time()

    def seconds(self, part: float = 1) -> dict[str, float]:
        """Seconds by clock, divided by ``part``."""
        wall, processor = time.perf_counter(), time.process_time()
        return {
            "wall": (wall - self.begin[0]) / part,
            "processor": (processor - self.begin[1]) / part,
        }


class Server:
    """A loop, and the answers to what may be asked of it."""

    def __init__(self, competitor: str, model: str, steps: int):
        import loops
        import models

        problem = models.PROBLEMS[model]._replace(steps=steps)
        chosen = loops.COMPETITORS[competitor]
        chosen.imports()
        x, y = problem.data()
        watch = Stopwatch()
        self.loop = chosen.loop(problem)
        self.build = watch.seconds()
        self.loop.take(x, y)
        self.steps, self.row = problem.steps, x[:1]

    def losses(self, steps: int) -> dict[str, Any]:
        """The first losses; seconds for the model and for the first step, compilation included."""
        watch = Stopwatch()
        found = list(self.loop.losses(1))
        first = watch.seconds()
        found += self.loop.losses(steps - 1)
        return {"losses": [float(loss) for loss in found], "build": self.build, "first": first}

    def epoch(self) -> dict[str, Any]:
        """Seconds for a step."""
        watch = Stopwatch()
        self.loop.epoch()
        return watch.seconds(self.steps)

    def latency(self) -> dict[str, Any]:
        """Seconds for one row: the model's outputs as NumPy arrays, and a call of the model alone."""
        x = self.loop.ready(self.row)
        found = {}
        for name, call in (
            ("predict", lambda: self.loop.outputs(self.row)),
            ("call", lambda: self.loop.call(x)),
        ):
            times = []
            for _ in range(REPEATS):
                watch = Stopwatch()
                call()
                times.append(watch.seconds())
            found[name] = {
                clock: statistics.median(each[clock] for each in times[REPEATS // 10 :])
                for clock in times[0]
            }
        return found

    def memory(self) -> dict[str, Any]:
        """The most memory that this process has held, in MiB."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"peak": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)}


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    competitor, model, steps = json.loads(sys.argv[1])
    try:
        server = Server(competitor, model, steps)
        print(json.dumps({"ready": True}), file=answers)
        for line in sys.stdin:
            what, arguments = json.loads(line)
            print(json.dumps(getattr(server, what)(*arguments)), file=answers)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)
        raise


if __name__ == "__main__":
    main()
