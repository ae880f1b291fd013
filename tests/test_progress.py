"""The progress line: what it says, where it is updated in place, and that it reads metrics only when it shows them."""

import io
import itertools
import logging
import os
import re
import subprocess
import sys
import time
import types

import pytest

import polynet
from polynet.callbacks import CallbackList
from polynet.training import progress
from polynet.training.logs import Logs
from polynet.training.progress import Progbar


class Terminal(io.StringIO):
    """Standard output that says it is a terminal, and what it would show."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def screen(self):
        """The lines as a terminal shows them, ``\\r`` obeyed."""
        rows = []
        for line in self.getvalue().split("\n"):
            cells = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            rows.append("".join(cells).rstrip())
        return rows[:-1] if rows[-1] == "" else rows


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told to."""

    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch, clock):
    out = Terminal()
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=out))  # pytest has sys.stdout
    for name in ("CI", "PYCHARM_HOSTED", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield out
    monkeypatch.setattr(progress, "_open", None)


@pytest.fixture
def file(monkeypatch, clock):
    out = io.StringIO()
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=out))
    return out


def run(clock, epochs=2, steps=4, seconds=0.1, reads=None, **params):
    """What ``fit`` tells its callbacks."""

    def read(loss):
        def values():
            if reads is not None:
                reads.append(loss)
            return {"loss": loss}

        return Logs(values)

    told = CallbackList(
        add_progbar=True, epochs=epochs, steps=steps, **{"verbose": "auto", **params}
    )
    told.on_train_begin()
    for epoch in range(epochs):
        told.on_epoch_begin(epoch)
        for batch in range(4):
            told.on_train_batch_begin(batch)
            clock.now += seconds
            told.on_train_batch_end(batch, read(1 / (batch + 1)))
        told.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 0.5})
    told.on_train_end()


# ------------------------------------------------------------------------------------------ where


def test_a_file_gets_one_line_an_epoch(file, clock):
    for verbose in ("auto", 1, 2):
        file.truncate(0)
        file.seek(0)
        run(clock, verbose=verbose)
        assert file.getvalue().splitlines() == [
            "Epoch 1/2: 4/4 - 400ms - 100ms/step - loss: 0.2500 - val_loss: 0.5000",
            "Epoch 2/2: 4/4 - 400ms - 100ms/step - loss: 0.2500 - val_loss: 0.5000",
        ]


def test_a_terminal_gets_a_line_that_is_updated(terminal, clock):
    run(clock)
    shown = terminal.getvalue()
    assert terminal.screen() == [
        f"Epoch {n}/2: 4/4 {'━' * 20} - 400ms - 100ms/step - loss: 0.2500 - val_loss: 0.5000"
        for n in (1, 2)
    ]
    assert f"\rEpoch 1/2: 1/4 {'━' * 5}{'─' * 15} - 1s left - 100ms/step - loss: 1.0000" in shown
    assert shown.count("\n") == 2


def test_in_ci_or_on_a_dumb_terminal_nothing_is_updated(terminal, clock, monkeypatch):
    assert progress.is_dynamic()
    for name, value in (("CI", "true"), ("CI", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert not progress.is_dynamic()
            assert progress.verbosity("auto") == 2
    monkeypatch.setenv("CI", "false")
    assert progress.is_dynamic() and progress.verbosity("auto") == 1
    monkeypatch.setattr(progress.sys, "stdout", None)
    assert not progress.is_dynamic()


def test_in_a_notebook_the_line_is_updated(file, clock):
    notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    progress.sys.stdout = notebook
    assert progress.verbosity("auto") == 1
    run(clock, epochs=1)
    assert notebook.getvalue().count("\r") == 5 and notebook.getvalue().endswith(
        "val_loss: 0.5000\n"
    )


def test_silence(terminal, clock):
    run(clock, verbose=0)
    assert terminal.getvalue() == ""


def test_without_interactive_logging_lines_go_to_the_log(terminal, clock, caplog):
    polynet.config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "polynet"):
            run(clock, epochs=1)
    finally:
        polynet.config.enable_interactive_logging()
    assert terminal.getvalue() == ""
    assert [record.getMessage() for record in caplog.records] == [
        "4/4 - 400ms - 100ms/step - loss: 0.2500 - val_loss: 0.5000"
    ]


@pytest.mark.parametrize("verbose", ["loud", 3, -1, None, 1.5])
def test_a_wrong_verbosity(verbose):
    with pytest.raises(ValueError, match=r"^verbose: expected 'auto', 0, 1 or 2; got "):
        CallbackList(add_progbar=True, verbose=verbose)


# ------------------------------------------------------------------------------------------ when


def test_metrics_are_read_only_when_they_are_shown(terminal, clock):
    reads = []
    run(clock, epochs=1, seconds=0.02, reads=reads)
    # the first step, one after 0.05 s, and the last
    assert reads == [1.0, 1 / 4]
    assert terminal.getvalue().count("\r") == 3


def test_in_a_file_no_step_reads_metrics(file, clock):
    reads = []
    run(clock, reads=reads)
    assert reads == []


def test_updates_come_at_most_at_the_interval(terminal, clock):
    bar = Progbar(1000, interval=0.05)
    for step in range(1, 1000):
        clock.now += 0.001
        bar.update(step, [("loss", 0.1)])
    assert 19 <= terminal.getvalue().count("\r") <= 21


# ------------------------------------------------------------------------------------------ what


def test_the_first_step_does_not_count_for_the_time_of_one(terminal, clock):
    bar = Progbar(100)
    clock.now += 30.0  # compiling
    bar.update(1)
    clock.now += 0.1
    bar.update(11)
    assert "11/100" in terminal.screen()[-1] and "1s left - 10ms/step" in terminal.screen()[-1]


def test_steps_without_a_known_number(terminal, clock):
    run(clock, epochs=1, steps=None)
    shown = terminal.getvalue()
    assert "\r1/? - 100ms - 100ms/step - loss: 1.0000" in shown
    assert terminal.screen() == [
        f"4/4 {'━' * 20} - 400ms - 100ms/step - loss: 0.2500 - val_loss: 0.5000"
    ]


def test_once_an_epoch_is_over_the_number_of_steps_is_known(terminal, clock):
    run(clock, epochs=2, steps=None)
    assert "\rEpoch 2/2: 1/4 " in terminal.getvalue()


def test_evaluation_and_prediction_have_a_line_but_validation_has_none(file, clock):
    told = CallbackList(add_progbar=True, epochs=1, steps=2, verbose=2)
    told.on_test_begin()
    told.on_test_batch_end(1, {"loss": 0.5})
    told.on_test_end({"loss": 0.5})
    told.on_predict_begin()
    told.on_predict_batch_end(1, {"outputs": object()})
    told.on_predict_end()
    told.on_train_begin()
    told.on_epoch_begin(0)
    told.on_test_begin()
    told.on_test_batch_end(1, {"loss": 0.5})
    told.on_test_end({"loss": 0.5})
    assert file.getvalue().splitlines() == [
        "2/2 - 0s - 0s/step - loss: 0.5000",
        "2/2 - 0s - 0s/step",
    ]


def test_metrics_are_averaged_or_shown_as_they_are(file, clock):
    def average(**kwargs):
        bar = Progbar(4, verbose=2, **kwargs)
        bar.update(1, [("a", 1.0)])
        bar.update(3, [("a", 4.0)])
        return bar.average("a")

    assert average() == 3.0  # two of three steps had 4
    assert average(stateful_metrics=["a"]) == 4.0
    assert average(stateless_metrics=[]) == 4.0
    assert average(stateless_metrics=["a"]) == 3.0
    with pytest.raises(
        ValueError, match="Progbar: expected stateful_metrics or stateless_metrics; got both"
    ):
        Progbar(4, stateful_metrics=[], stateless_metrics=[])


def test_adding_steps(file, clock):
    bar = Progbar(4, verbose=2, unit_name="sample")
    bar.add(2)
    bar.add(2, [("a", 1)])
    assert file.getvalue() == "4/4 - 0s - 0s/sample - a: 1.0000\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (0.0, "0.0000"),
        (0.001, "1.0000e-03"),
        (-0.00002, "-2.0000e-05"),
        (123456.7, "123456.7000"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value, text):
    assert progress.shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (2e-6, "2us"),
        (0.0009999, "1ms"),
        (0.9999, "1s"),
        (59.4, "59s"),
        (59.6, "1:00"),
        (3599.7, "1:00:00"),
        (90061, "25:01:01"),
    ],
)
def test_times(seconds, text):
    assert progress.duration(seconds) == text


def test_a_line_that_would_wrap_is_cut_until_it_is_final(terminal, clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    bar = Progbar(4)
    metrics = [(f"metric_{n}", 0.5) for n in range(5)]
    clock.now += 1
    bar.update(1, metrics)
    (line,) = terminal.screen()
    assert len(line) == 59 and line.endswith("...")
    bar.update(4, metrics)
    assert terminal.screen()[-1].endswith("metric_4: 0.5000")


def test_a_shorter_line_leaves_nothing_of_a_longer_one(terminal, clock):
    bar = Progbar(4)
    clock.now += 1
    bar.update(1, [("a", 100000.0)])
    clock.now += 1
    bar.update(4, [("a", 1.0)], finalize=True)
    assert terminal.screen()[-1].endswith("a: 1.0000")


def test_messages_and_the_line_do_not_run_into_each_other(terminal, clock):
    bar = Progbar(4)
    clock.now += 1
    bar.update(1)
    progress.show("Epoch 1: saved")
    clock.now += 0.01
    bar.update(2)
    bar.update(4)
    first, second = terminal.screen()
    assert first == "Epoch 1: saved" and second.startswith("4/4")


def test_after_an_error_the_next_line_is_a_new_one(terminal, clock):
    told = CallbackList(add_progbar=True, epochs=2, steps=4, verbose=1)
    told.on_train_begin()
    told.on_epoch_begin(0)
    clock.now += 1
    told.on_train_batch_end(0, {"loss": 1.0})
    told.abort()
    terminal.write("Traceback\n")
    assert len(terminal.screen()) == 2 and terminal.screen()[1] == "Traceback"


def test_where_lines_cannot_be_written_there_are_signs_that_can(terminal, clock):
    terminal.encoding = "ascii"
    run(clock, epochs=1)
    assert f"2/4 {'=' * 10}{'.' * 10}" in terminal.getvalue()
    assert terminal.getvalue().isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="pty is for POSIX systems")
def test_a_real_terminal():
    import pty

    code = (
        "import time\n"
        "from polynet.utils import Progbar\n"
        "bar = Progbar(20)\n"
        "for step in range(1, 21):\n"
        "    time.sleep(0.01)\n"
        "    bar.update(step, [('loss', 1 / step)])\n"
    )
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | {"TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, env=environment)
    os.close(theirs)
    chunks = []
    try:
        for _ in itertools.count():
            chunk = os.read(ours, 4096)
            if not chunk:
                break
            chunks.append(chunk)
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0
    shown = b"".join(chunks).decode()
    assert 3 <= shown.count("\r") <= 10 and shown.count("\n") == 1
    assert re.search(r"20/20 ━{20} - \d+ms - \d+ms/step - loss: \d\.\d{4} *\r\n$", shown)


@pytest.mark.timing
def test_a_step_that_is_not_shown_costs_little(monkeypatch):
    out = Terminal()
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=out))  # pytest has sys.stdout
    told = CallbackList(add_progbar=True, epochs=1, steps=10**6, verbose=1)
    told.on_train_begin()
    told.on_epoch_begin(0)
    times = []
    for first in range(0, 10000, 1000):
        start = time.perf_counter()
        for batch in range(first, first + 1000):
            told.on_train_batch_begin(batch)
            told.on_train_batch_end(batch, Logs(dict))
        times.append((time.perf_counter() - start) / 1000)
    assert min(times) < 20e-6
