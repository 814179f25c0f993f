"""Estimators of scikit-learn around a model: `SKLearnClassifier`, `SKLearnRegressor`, `SKLearnTransformer`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from lamina.graph import ArgumentError
from lamina.models import Model, clone_model

Array = np.ndarray[Any, Any]


class SKLBase(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no hints
    """Base: what is fitted is a new model each time.

    Args:
        model: a compiled model, of which each `fit` trains a clone with new weights; or a function
            ``model(X, y, **model_kwargs)`` that gives a compiled one for these data.
        warm_start: go on with the model of the last `fit`.
        model_kwargs: for the function.
        fit_kwargs: for the model's `fit`, such as ``{"epochs": 5}``.
        random_state: a seed, with which each `fit` on the same data gives the same model; None: PyTorch's generator
            goes on.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def __sklearn_clone__(self) -> Any:
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs, self.random_state)

    @property
    def epoch_(self) -> list[int]:
        """The epochs of the last `fit`."""
        return list(self.history_.epoch) if hasattr(self, "history_") else []

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train a model.

        Args:
            X: (N, F).
            y: (N,) or, of a regressor, (N, K).
            kwargs: of the model's `fit`, besides `fit_kwargs`.

        Raises:
            ArgumentError: the model is not compiled, or no model.
        """
        X, y = self._validated(X, y)
        y = self._targets(y)
        with self._seeded():
            model = self._model_for(X, y)
            self.history_ = model.fit(X, y, **{"verbose": 0, **(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Random numbers of the seed, and after it those that would have come."""
        if self.random_state is None:
            yield
            return
        with torch.random.fork_rng():
            torch.manual_seed(check_random_state(self.random_state).randint(2**31))
            yield

    def _validated(self, X: Any, y: Any) -> Any:
        return validate_data(self, X, y)

    def _called(self, X: Array, y: Array) -> Any:
        """What the user's function makes of the data."""
        given = {"X": X, "y": y, **(self.model_kwargs or {})}
        if not callable(self.model):
            raise ArgumentError(
                f"{type(self).__name__}: model cannot be {self.model!r}."[:200],
                expected="a compiled model, or a function of X and y that makes one",
            )
        try:
            signature = inspect.signature(self.model)
        except (TypeError, ValueError):  # some callables tell none
            return self.model(**given)
        try:
            signature.bind(**given)
        except TypeError as error:
            raise ArgumentError(
                f"{type(self).__name__} cannot call its model function: {error}.",
                got=f"{getattr(self.model, '__name__', self.model)}{signature}",
                expected=f"a function that can be called with {', '.join(f'{name}=...' for name in given)}",
                hint="def made(X, y, ...); what else it takes comes from model_kwargs",
            ) from error
        return self.model(**given)

    def _model_for(self, X: Array, y: Array) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            made = clone_model(self.model)  # compiled as this one is
        else:
            made = self._called(X, y)
        if not isinstance(made, Model) or not made.compiled or made.loss is None:
            raise ArgumentError(
                f"{type(self).__name__} needs a compiled model.",
                got="one that is not compiled" if isinstance(made, Model) else type(made).__name__,
                hint='model.compile("adam", loss=...)',
            )
        return made

    def _targets(self, y: Array) -> Array:
        """What the model is trained on."""
        raise NotImplementedError

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        result = self.model_.predict(validate_data(self, X, reset=False), verbose=0)
        if isinstance(result, list) and len(result) == 1:  # of Model(inputs, [output])
            result = result[0]
        if not isinstance(result, np.ndarray):
            raise ArgumentError(f"{type(self).__name__} takes a model with one output.", got=f"{len(result)} outputs")
        return result


class SKLearnClassifier(ClassifierMixin, SKLBase):  # type: ignore[misc]  # as above
    """A model as a classifier of scikit-learn. Its outputs are a number for each class, the largest is taken.

    The model is trained on rows of 0 and 1, (N, C) for C classes in sorted order.

    Args:
        model, model_kwargs: a compiled model, of which each `fit` trains a clone with new weights; or a function
            ``model(X, y, **model_kwargs)`` that gives one for these data.
        warm_start: go on with the model of the last `fit`.
        fit_kwargs: for the model's `fit`, such as ``{"epochs": 5}``.
        random_state: a seed, with which each `fit` on the same data gives the same model.

    Attributes:
        classes_: what y had. model_: the trained model. history_: what its `fit` gave.

    Raises:
        ArgumentError: at `fit`: the model is not compiled, or y has fewer than two classes.

    >>> def made(X, y):
    ...     model = lamina.Sequential([lamina.layers.Dense(y.shape[1], "softmax", input_shape=X.shape[1:])])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> fitted = SKLearnClassifier(made).fit(np.eye(3), ["a", "b", "a"])
    >>> fitted.classes_, fitted.predict(np.eye(3)).shape
    (array(['a', 'b'], dtype='<U1'), (3,))
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _targets(self, y: Array) -> Array:
        check_classification_targets(y)
        if type_of_target(y) not in ("binary", "multiclass"):
            raise ArgumentError("SKLearnClassifier takes one class for each row.", got=f"{type_of_target(y)} targets")
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ArgumentError(
                "Classifier can't train when only one class is present.", got=f"{self.classes_[0]!r} in each row"
            )
        rows: Array = np.eye(len(self.classes_), dtype=np.float32)[places]
        return rows

    def predict(self, X: Any) -> Array:
        """The class of each row, (N,)."""
        outputs = self._outputs(X)
        largest: Array = self.classes_[outputs.argmax(1)]
        return largest

    def decision_function(self, X: Any) -> Array:
        """The model's outputs, (N, C); of two classes the second minus the first, (N,), as scikit-learn has it."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs


class _Numbers(SKLBase):
    """Base of those whose targets are numbers: (N,) is trained on as (N, 1)."""

    def _targets(self, y: Array) -> Array:
        type_of_target(y, raise_unknown=True)
        self._is_flat = y.ndim == 1
        return y.reshape(len(y), -1)


class SKLearnRegressor(RegressorMixin, _Numbers):  # type: ignore[misc]  # as above
    """A model as a regressor of scikit-learn.

    Args:
        model, model_kwargs: a compiled model, of which each `fit` trains a clone with new weights; or a function
            ``model(X, y, **model_kwargs)`` that gives one for these data.
        warm_start: go on with the model of the last `fit`.
        fit_kwargs: for the model's `fit`, such as ``{"epochs": 5}``.
        random_state: a seed, with which each `fit` on the same data gives the same model.

    Attributes:
        model_: the trained model. history_: what its `fit` gave.

    Raises:
        ArgumentError: at `fit`: the model is not compiled.

    >>> model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))])
    >>> model.compile("adam", "mse")
    >>> SKLearnRegressor(model, fit_kwargs={"epochs": 2}).fit(np.eye(3), [1.0, 2.0, 3.0]).predict(np.eye(3)).shape
    (3,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags

    def _validated(self, X: Any, y: Any) -> Any:
        return validate_data(self, X, y, multi_output=True, y_numeric=True)

    def predict(self, X: Any) -> Array:
        """What the model gives, float64, in the form of the targets: (N,) or (N, K)."""
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._is_flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


class SKLearnTransformer(TransformerMixin, _Numbers):  # type: ignore[misc]  # as above
    """A model as a transformer of scikit-learn: `transform` gives its outputs.

    Args:
        model, model_kwargs: a compiled model, of which each `fit` trains a clone with new weights; or a function
            ``model(X, y, **model_kwargs)`` that gives one for these data.
        warm_start: go on with the model of the last `fit`.
        fit_kwargs: for the model's `fit`, such as ``{"epochs": 5}``.
        random_state: a seed, with which each `fit` on the same data gives the same model.

    Attributes:
        model_: the trained model. history_: what its `fit` gave.

    Raises:
        ArgumentError: at `fit`: the model is not compiled.

    >>> model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))])
    >>> model.compile("adam", "mse")
    >>> SKLearnTransformer(model).fit_transform(np.eye(3), [1.0, 2.0, 3.0]).shape
    (3, 1)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> Array:
        """What the model gives."""
        return self._outputs(X)

    def predict(self, X: Any) -> Array:
        """What `transform` gives, under the name that Keras' estimator has for it."""
        return self._outputs(X)
