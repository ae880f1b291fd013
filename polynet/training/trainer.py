"""``Trainer``: what a model does with data: ``compile``, ``fit``, ``evaluate``, ``predict``, and one step of each.

There is one training step for every backend: ``value_and_grad`` of the loss by the trainable variables, and the
optimizer's update, compiled as a whole where the backend compiles.  Data become batches in ``data.py``, losses and
metrics are matched with outputs in ``objectives.py``; what is shown is a callback's business.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from polynet import config, errors, ops, optimizers, plugins, tree
from polynet.autodiff.functions import value_and_grad
from polynet.autodiff.jit import jit
from polynet.autodiff.replay import replayed
from polynet.data.packing import unpack_x_y_sample_weight
from polynet.op import from_host, host_array
from polynet.random.seed_generator import make_default_seed
from polynet.ranges import check_range
from polynet.symbolic import KerasTensor
from polynet.training.data import Data, at_once, open_data, split
from polynet.training.fence import fenced
from polynet.training.finite import FiniteGuard
from polynet.training.logs import Logs
from polynet.training.objectives import Compiled
from polynet.training.run import Run
from polynet.training.strides import MOST, Strides
from polynet.values import shape_of


class Trainer:
    """The part of a model that trains it."""

    _compiled: Compiled | None = None
    _graph: Any

    def __init__(self) -> None:
        self.__dict__["stop_training"] = False

    # -------------------------------------------------------------------------------- compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str | None = "auto",
        auto_scale_loss: bool = True,
        check_finite: bool = True,
    ) -> None:
        """Say how to train.

        Args:
            optimizer: a name or an optimizer.
            loss: a name, a loss or a function; a list or dict of them for several outputs.
            loss_weights: factors of the losses, in the same structure.
            metrics: names, metrics or functions; for several outputs a list or dict of lists.
            weighted_metrics: metrics that also get the sample weights.
            run_eagerly: take each step as plain Python, to look into it?
            steps_per_execution: how many batches between two calls of the callbacks. With 1 too ``fit`` may take
                several in one compiled call, if that is faster and no callback looks at single batches.
            jit_compile: compile the step? ``"auto"`` leaves it to the backend. Where the backend cannot, ``True`` says
                that code of one's own in the step does the same each time and need not run again.
            auto_scale_loss: scale the loss by itself when the policy is ``mixed_float16``?
            check_finite: stop when the loss or a gradient is not finite, with the weights of the step before?
        """
        if isinstance(steps_per_execution, bool) or not (
            steps_per_execution == "auto"
            or (isinstance(steps_per_execution, int) and steps_per_execution > 0)
        ):
            raise ValueError(
                f"compile: steps_per_execution: expected an integer of 1 or more; got {steps_per_execution!r}."
            )
        if run_eagerly and jit_compile is True:
            raise ValueError(
                "compile: run_eagerly and jit_compile: expected at most one to be true."
            )
        if jit_compile not in (True, False, None, "auto"):
            raise ValueError(
                f"compile: jit_compile: expected True, False or 'auto'; got {jit_compile!r}."
            )
        given = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
            "check_finite": check_finite,
        }
        found = optimizers.get(optimizer)
        policy = getattr(self, "dtype_policy", None)
        if auto_scale_loss and policy is not None and policy.name == "mixed_float16":
            if found is not None and not isinstance(found, optimizers.LossScaleOptimizer):
                found = optimizers.LossScaleOptimizer(found, name="loss_scale_optimizer")
        compiled = Compiled(found, loss, loss_weights, metrics, weighted_metrics)
        compiled.run_eagerly = bool(run_eagerly)
        compiled.jit_compile = None if jit_compile in ("auto", None) else bool(jit_compile)
        compiled.steps_per_execution = (
            1 if steps_per_execution == "auto" else int(steps_per_execution)
        )
        # a scaled loss may overflow: its optimizer leaves such a step out
        scaling = getattr(found, "dynamic_growth_steps", None) is not None
        compiled.guard = FiniteGuard() if check_finite and not scaling else None
        compiled.given = given
        self.__dict__["_compiled"] = compiled
        self.__dict__.pop("_structure", None)  # steps that were found
        self.__dict__["stop_training"] = False

    @property
    def compiled(self) -> bool:
        """Was ``compile`` called?"""
        return self._compiled is not None

    def _settled(self, what: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: {what}: the model is not compiled. Call "  # type: ignore[attr-defined]
                f"compile(optimizer, loss, metrics) before {what}."
            )
        return self._compiled

    @property
    def optimizer(self) -> Any:
        """The optimizer that ``compile`` was given."""
        return None if self._compiled is None else self._compiled.optimizer

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        if self._compiled is None:
            self.compile(optimizer=value)
        else:
            self._compiled.optimizer = optimizers.get(value)
            self._forget_functions()

    @property
    def loss(self) -> Any:
        """The loss that ``compile`` was given."""
        return None if self._compiled is None else self._compiled.given["loss"]

    @property
    def run_eagerly(self) -> bool:
        """Is each step plain Python?"""
        return self._compiled is not None and self._compiled.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        compiled = self._settled("run_eagerly")
        compiled.run_eagerly = bool(value)
        self._forget_functions()

    @property
    def jit_compile(self) -> bool:
        """Are the steps compiled?"""
        if self._compiled is None or self._compiled.run_eagerly:
            return False
        chosen = self._compiled.jit_compile
        return plugins.current().compiles if chosen is None else chosen

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        compiled = self._settled("jit_compile")
        compiled.jit_compile = value
        self._forget_functions()

    # -------------------------------------------------------------------------------- metrics

    @property
    def metrics(self) -> list[Any]:
        """The loss's mean, the metrics that ``compile`` was given, and those of the layers."""
        found: list[Any] = []
        if self._compiled is not None:
            found.append(self._compiled.loss_tracker)
            if self._compiled.loss is not None:
                found += self._compiled.loss.parts
            found += self._compiled.metrics.metrics
        return found + [
            metric
            for metric in super().metrics  # type: ignore[misc]
            if all(metric is not known for known in found)
        ]

    @property
    def metrics_names(self) -> list[str]:
        """The names of ``metrics``."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Let every metric begin anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Every metric's result by its name."""
        found: dict[str, Any] = {}
        compiled = self._compiled
        own: list[Any] = []
        if compiled is not None:
            found["loss"] = compiled.loss_tracker.result()
            own = [compiled.loss_tracker, *compiled.metrics.metrics]
            if compiled.loss is not None:
                own += compiled.loss.parts
                found.update({part.name: part.result() for part in compiled.loss.parts})
            found.update(compiled.metrics.results())
        for metric in self.metrics:
            if all(metric is not known for known in own):
                result = metric.result()
                found.update(result if isinstance(result, dict) else {metric.name: result})
        return found

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Let the metrics see a batch; returns their results. May be overridden."""
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._compiled is not None and y is not None:
            self._compiled.metrics.update(y, y_pred, sample_weight, self._output_names())

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch: that of ``compile``, and those that layers added. May be overridden."""
        total: Any = None
        if self._compiled is not None and self._compiled.loss is not None:
            if y is None:
                raise ValueError(
                    f"{self._title()}: fit: y: the loss needs targets; got None. Give y, or data that "  # type: ignore[attr-defined]
                    f"yield (x, y)."
                )
            total = self._compiled.loss(y, y_pred, sample_weight, self._output_names())
        for loss in self.losses:  # type: ignore[attr-defined]
            total = loss if total is None else ops.add(total, ops.cast(loss, total.dtype))
        if total is None:
            raise ValueError(
                f"{self._title()}: fit: there is no loss. Give compile a loss, or call add_loss in a layer."  # type: ignore[attr-defined]
            )
        return total

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """``compute_loss`` for these values of the variables, and their new values."""
        from polynet.variable import StatelessScope

        mapping = [
            *zip(self.trainable_variables, trainable_variables, strict=True),  # type: ignore[attr-defined]
            *zip(self.non_trainable_variables, non_trainable_variables, strict=True),  # type: ignore[attr-defined]
            *zip(self.metrics_variables, metrics_variables, strict=True),  # type: ignore[attr-defined]
        ]
        with StatelessScope(mapping) as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)
        found = [
            [scope.get_current_value(variable) for variable in variables]
            for variables in (
                self.trainable_variables,  # type: ignore[attr-defined]
                self.non_trainable_variables,  # type: ignore[attr-defined]
                self.metrics_variables,  # type: ignore[attr-defined]
            )
        ]
        return loss, tuple(found)

    def _output_names(self) -> Sequence[str]:
        return getattr(self, "output_names", ())

    # -------------------------------------------------------------------------------- steps

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training on a batch; returns what to log. May be overridden.

        Args:
            data: ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        x, y, sample_weight, y_pred = self._learn(data)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _learn(self, data: Any) -> tuple[Any, Any, Any, Any]:
        """The forward pass, the gradients and the update."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        compiled = self._settled("fit")
        variables = self.trainable_variables  # type: ignore[attr-defined]
        optimizer = compiled.optimizer

        def loss_of_batch() -> Any:
            y_pred = self(x, training=True)  # type: ignore[operator]
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            self._clear_losses()  # type: ignore[attr-defined]
            scaled = loss if optimizer is None else optimizer.scale_loss(loss)
            return scaled, (loss, y_pred)

        guard = compiled.guard
        if optimizer is None and variables:
            raise ValueError(
                f"{self._title()}: fit: there is no optimizer. Give compile one, or write a train_step."  # type: ignore[attr-defined]
            )
        if not variables:
            _, (loss, y_pred) = loss_of_batch()
        elif guard is None:
            (_, (loss, y_pred)), gradients = value_and_grad(
                loss_of_batch, variables=variables, has_aux=True
            )()
            optimizer.apply(gradients, variables)
        else:
            with guard:
                (_, (loss, y_pred)), gradients = value_and_grad(
                    loss_of_batch, variables=variables, has_aux=True
                )()
                guard.check(loss, gradients, variables, optimizer.iterations)
                optimizer.apply(gradients, variables)
        compiled.loss_tracker.update_state(loss, sample_weight=_batch_length(x))
        return x, y, sample_weight, y_pred

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation on a batch; returns what to log. May be overridden."""
        x, y, sample_weight, y_pred = self._judge(data)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _judge(self, data: Any) -> tuple[Any, Any, Any, Any]:
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        compiled = self._settled("evaluate")
        y_pred = self(x, training=False)  # type: ignore[operator]
        if compiled.loss is not None or self.losses:  # type: ignore[attr-defined]
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
            self._clear_losses()  # type: ignore[attr-defined]
            compiled.loss_tracker.update_state(loss, sample_weight=_batch_length(x))
        return x, y, sample_weight, y_pred

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch. May be overridden."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]

    def _function(self, which: str) -> Callable[[Any], Any]:
        """A step as it is run: compiled where the backend compiles, and without computing what nobody reads."""
        compiled = self._compiled
        functions = (
            compiled.functions
            if compiled is not None
            else self.__dict__.setdefault("_uncompiled", {})
        )
        key: Any = (plugins.current().name, config.floatx())
        if self._compiled is None or self.jit_compile:  # what was compiled holds these variables
            key = (*key, *map(id, self.trainable_variables))  # type: ignore[attr-defined]
        if functions.get("key") != key:
            functions.clear()
            functions["key"] = key
        if which not in functions:
            functions[which] = self._make_function(which)
        function: Callable[[Any], Any] = functions[which]
        return function

    def _forget_functions(self) -> None:
        """Let steps be made anew: what they do has changed."""
        self.__dict__.pop("_uncompiled", None)
        if self._compiled is not None:
            self._compiled.functions.clear()

    def _make_function(self, which: str) -> Callable[[Any], Any]:
        cls = type(self)
        step: Callable[[Any], Any]
        if which == "predict":
            step = self.predict_step
        elif cls.compute_metrics is Trainer.compute_metrics and (
            cls.train_step is Trainer.train_step
            if which == "train"
            else cls.test_step is Trainer.test_step
        ):
            inner = self._learn if which == "train" else self._judge

            def step(data: Any) -> Any:
                _, y, sample_weight, y_pred = inner(data)
                self._update_metrics(y, y_pred, sample_weight)

        else:
            step = self.train_step if which == "train" else self.test_step
        compiled = self._compiled
        if compiled is not None and compiled.run_eagerly:
            return step
        asked = None if compiled is None else compiled.jit_compile
        if self._compiles(plugins.current()):
            return jit(step, compile=asked)
        return replayed(step, watched=asked is not True)

    def _logs(self, returned: Any) -> Logs:
        """What a step logs: what it returned, or the metrics' results, computed when somebody reads them."""
        return Logs(self.get_metrics_result if returned is None else lambda: returned)

    def _listeners(
        self, callbacks: Any, verbose: Any, epochs: int, data: Data, add_history: bool = False
    ) -> Any:
        """The callbacks of a call of ``fit``, ``evaluate`` or ``predict``, as one."""
        if callbacks is None and verbose == 0 and not add_history:
            return _nobody()
        from polynet.callbacks import CallbackList

        if isinstance(callbacks, CallbackList):
            return callbacks
        return CallbackList(
            callbacks,
            add_history=add_history,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=data.steps,
            model=self,
        )

    # -------------------------------------------------------------------------------- fit

    @fenced
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train on data for a number of epochs; returns a ``History``.

        Args:
            x: arrays, tensors, frames, a dict or list of them, or batches: a generator, a data set.
            y: the targets, unless ``x`` yields them.
            verbose: 0 is silent, 1 a bar, 2 a line an epoch; ``"auto"`` chooses by where the output goes.
            validation_split: the last fraction of arrays to validate on instead of training on it.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)``, or batches.
            shuffle: in another order each epoch?
            class_weight: a factor of the loss by class.
            initial_epoch: the number of the first epoch, to go on with a run.
        """
        self._settled("fit")
        _check_count(epochs, "fit: epochs", 0)
        if validation_split:
            if validation_data is not None:
                raise ValueError("fit: validation_split and validation_data: expected at most one.")
            (x, y, sample_weight), validation_data = split(
                (x, y, sample_weight), validation_split, "fit"
            )
        data = open_data(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            seed=make_default_seed() if shuffle else 0,
            what="fit",
        )
        validation: Data | None = None
        try:
            if validation_data is not None:
                val_x, val_y, val_weight = (
                    unpack_x_y_sample_weight(validation_data)
                    if isinstance(validation_data, list | tuple)
                    else (validation_data, None, None)
                )
                validation = open_data(
                    val_x,
                    val_y,
                    val_weight,
                    batch_size=validation_batch_size or batch_size,
                    steps=validation_steps,
                    what="fit: validation_data",
                )
            with self._listeners(callbacks, verbose, epochs, data, add_history=True) as listeners:
                return self._train(
                    data, validation, listeners, initial_epoch, epochs, validation_freq
                )
        finally:
            data.close()
            if validation is not None:
                validation.close()

    def _train(
        self,
        data: Data,
        validation: Data | None,
        listeners: Any,
        initial_epoch: int,
        epochs: int,
        validation_freq: Any,
    ) -> Any:
        """The epochs of ``fit``."""
        compiled = self._settled("fit")
        self.stop_training = False
        run = self.__dict__["_training_run"] = Run(self, listeners, data.seed, initial_epoch)
        if any(getattr(one, "needs_built", False) for one in listeners.callbacks):
            self._prepare(data.peek(), training=True)
        listeners.on_train_begin()
        if run.again is not None:
            due = [e for e in range(initial_epoch, run.epoch) if _is_due(validation_freq, e + 1)]
            if validation is not None:
                validation.resume(0, len(due), 0)
            data.seed = run.seed
            data.resume(initial_epoch, run.epoch, run.batch)
            run.again()  # what reading the data has changed
        logs: dict[str, Any] = dict(run.logs)
        for epoch in range(run.epoch, epochs):
            begun = run.batch > 0
            if run.again is not None and not begun and (self.stop_training or data.exhausted):
                break
            if not begun:
                self.reset_metrics()
            listeners.on_epoch_begin(epoch)
            if begun and run.again is not None:
                run.again()  # what callbacks did when this epoch began is in the state already
            run.again = None
            try:
                logs = dict(self._train_epoch(data, epoch, listeners, run))
            except errors.NonFiniteError as error:
                if not any(getattr(one, "stops_on_nan", False) for one in listeners.callbacks):
                    raise
                print(error)
                logs, self.stop_training = {"loss": float("nan")}, True
            finally:
                self._thaw()  # type: ignore[attr-defined]
            if validation is not None and _is_due(validation_freq, epoch + 1):
                found = self._evaluate(validation, listeners, nested=True)
                logs.update({f"val_{name}": value for name, value in found.items()})
            run.epoch, run.batch, run.logs = epoch + 1, 0, logs
            listeners.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
            if data.exhausted and epoch + 1 < epochs:
                list(data.epoch(epoch + 1))  # warns that nothing is left
                break
        if compiled.optimizer is not None and epochs > initial_epoch:
            compiled.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
        listeners.on_train_end(logs)
        return self.history  # type: ignore[attr-defined]

    def _train_epoch(self, data: Data, epoch: int, listeners: Any, run: Run) -> Logs:
        compiled = self._settled("fit")
        guard = compiled.guard
        logs = Logs(run.logs) if run.batch else self._logs(None)
        batches = data.epoch(epoch, run.batch)
        number = run.batch
        strides: Strides | None = None
        while not (self.stop_training and number):
            # one by one until something is compiled
            length = 1 if strides is None else strides.now
            taken = list(itertools.islice(batches, length))
            if not taken:
                break
            listeners.on_train_batch_begin(number)
            if strides is None:
                self._prepare(taken[0], training=True)
                strides = self._strides(data, listeners)
                self._freeze()  # type: ignore[attr-defined]
                taken += itertools.islice(batches, strides.now - 1)
            returned = strides.take(taken)
            if guard is not None:
                guard.look(number, len(taken))
            number += len(taken)
            logs = self._logs(returned)
            run.batch, run.logs = number, logs
            listeners.on_train_batch_end(number - 1, logs)
        if guard is not None:
            guard.look(number, now=True)
        if number == 0 and not data.exhausted:
            raise ValueError(
                "fit: x: expected at least one batch; the data gave none. A generator that has ended gives nothing "
                "in the next epoch: give steps_per_epoch, or data that can be iterated again."
            )
        return logs

    def _strides(self, data: Data, listeners: Any) -> Strides:
        """What takes the training steps, one by one or several at once."""
        compiled = self._settled("fit")
        step = self._function("train")
        many = compiled.steps_per_execution
        most = many
        if many == 1 and not listeners.looks_at_batches():
            most = MOST if data.steps is None else max(min(MOST, data.steps), 1)
        if not self.jit_compile or plugins.current().loops is None or compiled.optimizer is None:
            return Strides(step, self._checked, many)
        key = ("strides", most)
        if key not in compiled.functions:
            compiled.functions[key] = Strides(
                step,
                self._checked,
                many,
                most,
                lambda: compiled.optimizer.iterations,
                self.metrics_variables,  # type: ignore[attr-defined]
            )
        return compiled.functions[key]

    def _checked(self, batch: Any) -> Any:
        """A batch, or several stacked, as tensors; integers are in range."""
        x, y, _ = unpack_x_y_sample_weight(batch)
        self._check_integers(x, y)  # on the host: of a tensor they might have to be waited for
        return self._converted_batch(batch)

    def _converted_batch(self, batch: Any) -> Any:
        """A batch as a step takes it: as tensors; what is compiled makes them of arrays by itself."""
        backend = plugins.current()
        convert = host_array if self._compiles(backend) else from_host
        return tuple(
            [
                _converted(part, backend, convert)
                if isinstance(part, np.ndarray)
                else tree.map_structure(lambda leaf: _converted(leaf, backend, convert), part)
                for part in batch
            ]
        )

    def _compiles(self, backend: Any) -> bool:
        """Are steps compiled functions?"""
        if backend.transforms is None:
            return False
        return backend.compiles if self._compiled is None else self.jit_compile

    def _prepare(self, batch: Any, training: bool) -> None:
        """Build what is not built yet, before anything is compiled."""
        compiled = self._compiled
        x, y, _ = unpack_x_y_sample_weight(batch)
        unbuilt = not self.built  # type: ignore[attr-defined]
        if training or plugins.current().compiles or self.jit_compile:
            # elsewhere a layer that is not built yet is built when it is called
            unbuilt = self._found_within(  # type: ignore[attr-defined]
                "unbuilt",
                lambda: any(not layer.built for layer in self._flatten_layers()),  # type: ignore[attr-defined]
            )
        late = compiled is not None and y is not None and not compiled.metrics.built
        unknown = (
            compiled is not None
            and y is not None
            and compiled.loss is not None
            and compiled.outputs is None
        )
        outputs: Any = None
        if unbuilt or late or unknown:
            symbols = tree.map_structure(
                lambda leaf: (
                    leaf if leaf is None else KerasTensor((None, *shape_of(leaf)[1:]), _dtype(leaf))
                ),
                self._converted_batch((x,))[0],
            )
            try:
                if unbuilt:
                    outputs = self(symbols)  # type: ignore[operator]
                elif self._graph is not None:
                    outputs = self._graph.output
                else:
                    outputs = self.compute_output_spec(symbols)  # type: ignore[attr-defined]
            except NotImplementedError:
                outputs = (
                    None  # no call method: a train_step that calls the layers within by itself
                )
        if late and outputs is not None and compiled is not None:
            compiled.metrics.build(y, outputs, self._output_names())
        if outputs is not None and compiled is not None and compiled.loss is not None:
            from polynet.training.objectives import named_outputs

            compiled.loss.build([name for name, _ in named_outputs(outputs, self._output_names())])
            compiled.loss.count_classes(outputs)
            compiled.outputs = outputs
        if training and compiled is not None and compiled.optimizer is not None:
            variables = [] if compiled.optimizer.built else self.trainable_variables  # type: ignore[attr-defined]
            if variables:
                compiled.optimizer.build(variables)
                compiled.optimizer.built = True

    def _check_integers(self, x: Any, y: Any) -> None:
        """Refuse labels and indices out of range, of which compiled code could say nothing."""
        compiled = self._compiled
        if compiled is not None and compiled.loss is not None and y is not None:
            compiled.loss.check_labels(y, compiled.outputs)
        limits = getattr(self, "_index_limits", None)
        if limits:
            for leaf, (count, layer) in zip(tree.flatten(x), limits, strict=False):
                if count is not None and leaf is not None:
                    check_range(leaf, count, f"{layer}: input")

    # -------------------------------------------------------------------------------- evaluate

    @fenced
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and the metrics on data: a number, a list, or a dict by name.

        Example:
            >>> import numpy as np, polynet
            >>> model = polynet.Sequential([polynet.layers.Dense(1, kernel_initializer="zeros")])
            >>> model.compile(loss="mse", metrics=["mae"])
            >>> model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
            [1.0, 1.0]
        """
        if kwargs:
            raise TypeError(f"evaluate: unknown arguments {sorted(kwargs)}.")
        self._settled("evaluate")
        data = open_data(x, y, sample_weight, batch_size=batch_size, steps=steps, what="evaluate")
        try:
            with self._listeners(callbacks, verbose, 1, data) as listeners:
                logs = self._evaluate(data, listeners)
        finally:
            data.close()
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def _evaluate(self, data: Data, listeners: Any, nested: bool = False) -> dict[str, Any]:
        listeners.on_test_begin()
        self.reset_metrics()
        step: Callable[[Any], Any] | None = None
        logs = self._logs(None)
        number = -1
        for number, batch in enumerate(data.epoch(0)):
            listeners.on_test_batch_begin(number)
            if step is None:
                self._prepare(batch, training=False)
                step = self._function("test")
            logs = self._logs(step(self._checked(batch)))
            listeners.on_test_batch_end(number, logs)
            if getattr(self, "stop_evaluating", False):
                break
        if number < 0:
            raise ValueError("evaluate: x: expected at least one batch; the data gave none.")
        found = dict(logs)
        listeners.on_test_end(found)
        return found

    # -------------------------------------------------------------------------------- predict

    @fenced
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for data, as NumPy arrays.

        Example:
            >>> import numpy as np, polynet
            >>> model = polynet.Sequential([polynet.layers.Dense(1, kernel_initializer="ones")])
            >>> model.predict(np.ones((2, 3)), verbose=0)
            array([[3.],
                   [3.]], dtype=float32)
        """
        silent = callbacks is None and verbose == 0
        batch = at_once(x, batch_size, steps) if silent else None
        if batch is not None:
            structure, parts = self._predict([batch], _nobody())
        else:
            data = open_data(x, batch_size=batch_size, steps=steps, what="predict")
            try:
                with self._listeners(callbacks, verbose, 1, data) as listeners:
                    structure, parts = self._predict(data.epoch(0), listeners)
            finally:
                data.close()
        whole = (
            parts[0]
            if len(parts) == 1
            else [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        )
        return tree.pack_sequence_as(structure, whole)

    def _predict(self, batches: Iterable[Any], listeners: Any) -> tuple[Any, list[Any]]:
        """The structure of the outputs, and the flat outputs of each batch."""
        listeners.on_predict_begin()
        step: Callable[[Any], Any] | None = None
        parts: list[Any] = []
        structure: Any = None
        for number, batch in enumerate(batches):
            listeners.on_predict_batch_begin(number)
            if step is None:
                step = self._prediction(batch[:1])
            self._check_integers(batch[0], None)
            structure = step(self._converted_batch(batch))
            parts.append(tree.flatten(structure))
            if number:  # one batch late, so that the device goes on while its results are fetched
                parts[-2] = [ops.convert_to_numpy(leaf) for leaf in parts[-2]]
            listeners.on_predict_batch_end(number, {"outputs": structure})
            if getattr(self, "stop_predicting", False):
                break
        if not parts:
            raise ValueError("predict: x: expected at least one batch; the data gave none.")
        parts[-1] = [ops.convert_to_numpy(leaf) for leaf in parts[-1]]
        listeners.on_predict_end()
        return structure, parts

    def _prediction(self, batch: Any) -> Callable[[Any], Any]:
        """The step of prediction, with all built that it needs."""
        key = plugins.current(), config.floatx()
        step: Callable[[Any], Any] | None = self._steps().get(key)
        if step is None:
            self._prepare(batch, training=False)
            step = self._steps()[key] = self._function("predict")
        return step

    def _steps(self) -> dict[Any, Callable[[Any], Any]]:
        """Steps that were found while the layers were what they are."""
        found: dict[Any, Callable[[Any], Any]] = self._found_within("steps", dict)  # type: ignore[attr-defined]
        return found

    # -------------------------------------------------------------------------------- single batches

    @fenced
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on this batch; returns the loss and the metrics so far."""
        self._settled("train_on_batch")
        guard = self._settled("train_on_batch").guard
        logs = self._on_batch("train", x, y, sample_weight, class_weight)
        if guard is not None:
            guard.look(0, now=True)
        return logs if return_dict else _as_list(logs)

    @fenced
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics so far, with this batch."""
        self._settled("test_on_batch")
        logs = self._on_batch("test", x, y, sample_weight, None)
        return logs if return_dict else _as_list(logs)

    @fenced
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for this batch, as NumPy arrays."""
        (batch,) = self._one_batch(x, None, None, None)
        outputs = self._prediction(batch)(self._checked(batch))
        return tree.map_structure(ops.convert_to_numpy, outputs)

    def _on_batch(
        self, which: str, x: Any, y: Any, sample_weight: Any, class_weight: Any
    ) -> dict[str, Any]:
        (batch,) = self._one_batch(x, y, sample_weight, class_weight)
        self._prepare(batch, training=which == "train")
        return dict(self._logs(self._function(which)(self._checked(batch))))

    def _one_batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> list[Any]:
        data = open_data(
            x,
            y,
            sample_weight,
            batch_size=1 << 62,
            class_weight=class_weight,
            what="train_on_batch",
        )
        return list(data.epoch(0))


@functools.cache
def _nobody() -> Any:
    """The callbacks of a call to which nobody listens: every hook is the same nothing."""
    from polynet.callbacks.callback import HOOKS, CallbackList

    nobody = CallbackList()
    nobody.__dict__.update(dict.fromkeys(HOOKS, lambda *args: None))
    return nobody


def _as_list(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _converted(leaf: Any, backend: Any, convert: Callable[..., Any]) -> Any:
    """One array of a batch, as tensor if ``convert`` makes one."""
    kinds = backend.tensor_types
    if isinstance(leaf, np.ndarray):
        dtype = leaf.dtype
        if dtype.kind == "f" and dtype.itemsize > 2 and dtype != config.floatx():
            return convert(leaf, backend, config.floatx())
        return leaf if isinstance(leaf, kinds) else convert(leaf, backend)
    return leaf if leaf is None or isinstance(leaf, kinds) else ops.convert_to_tensor(leaf)


def _batch_length(x: Any) -> int:
    for leaf in tree.flatten(x):
        shape = shape_of(leaf) if hasattr(leaf, "shape") else ()
        if shape:
            return shape[0]
    return 1


def _dtype(leaf: Any) -> str:
    from polynet.values import dtype_of

    return dtype_of(leaf)


def _is_due(frequency: Any, epoch: int) -> bool:
    """Is there validation after this epoch, counted from one?"""
    if isinstance(frequency, list | tuple | set):
        return epoch in frequency
    _check_count(frequency, "fit: validation_freq", 1)
    return bool(epoch % frequency == 0)


def _check_count(value: Any, what: str, least: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(f"{what}: expected an integer of {least} or more; got {value!r}.")
