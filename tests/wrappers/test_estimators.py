"""Models as estimators: scikit-learn's own checks, its pipelines and searches, and misuses."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import lamina
from lamina.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
KINDS = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.4, 0.4])]


def classifier(X, y, width=8):
    layers = [lamina.layers.Dense(width, "relu", input_shape=X.shape[1:]), lamina.layers.Dense(y.shape[1], "softmax")]
    model = lamina.Sequential(layers)
    model.compile(lamina.optimizers.Adam(0.05), "categorical_crossentropy")
    return model


def regressor(X, y):
    model = lamina.Sequential([lamina.layers.Dense(y.shape[1], input_shape=X.shape[1:])])
    model.compile(lamina.optimizers.Adam(0.05), "mse")
    return model


ESTIMATORS = {
    "classifier": lambda: SKLearnClassifier(classifier, model_kwargs={"width": 6}, fit_kwargs={"epochs": 5}),
    "regressor": lambda: SKLearnRegressor(regressor, fit_kwargs={"epochs": 2}),
    "transformer": lambda: SKLearnTransformer(regressor),
}


@pytest.mark.filterwarnings("ignore")  # the checks try much that warns, each in its own way
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learns_own_checks(name):
    results = check_estimator(ESTIMATORS[name](), on_fail=None)
    assert len(results) > 40
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")] == []


def test_in_pipelines_searches_and_validations():
    fit = {"epochs": 30}
    pipeline = make_pipeline(StandardScaler(), SKLearnClassifier(classifier, fit_kwargs=fit, random_state=0))
    assert pipeline.fit(X, KINDS).score(X, KINDS) > 0.7
    assert set(pipeline.predict(X)) <= set(KINDS)
    assert cross_val_score(pipeline, X, KINDS, cv=3).mean() > 0.5
    grid = {"model_kwargs": [{"width": 2}, {"width": 9}]}
    search = GridSearchCV(SKLearnClassifier(classifier, random_state=0), grid, cv=2)
    assert search.fit(X, KINDS).best_params_["model_kwargs"]["width"] in (2, 9)


def test_a_model_is_cloned_and_stays_as_it_is():
    model = regressor(X, X[:, :1])
    before = model.get_weights()
    one = SKLearnRegressor(model, fit_kwargs={"epochs": 3}).fit(X, X[:, 0])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert one.predict(X).shape == (90,)
    assert SKLearnRegressor(regressor).fit(X, X[:, :2]).predict(X).shape == (90, 2)
    assert one.epoch_ == [0, 1, 2]
    copied = clone(one)
    assert copied.fit_kwargs == {"epochs": 3}
    assert copied.model is not model
    np.testing.assert_allclose(pickle.loads(pickle.dumps(one)).predict(X), one.predict(X))


def listed(X, y, kind=list):
    x = lamina.Input(X.shape[1:])
    out = lamina.layers.Dense(y.shape[1], name="out")(x)
    model = lamina.Model(x, [out] if kind is list else {"out": out})
    model.compile("sgd", "mse")
    return model


def test_outputs_in_a_list():
    assert SKLearnRegressor(listed).fit(X, X[:, 0]).predict(X).shape == (90,)
    assert SKLearnClassifier(listed).fit(X, KINDS).decision_function(X).shape == (90, 3)
    named = SKLearnRegressor(listed, model_kwargs={"kind": dict}).fit(X, X[:, 0])
    with pytest.raises(lamina.ArgumentError, match="one output"):
        named.predict(X)


def test_warm_start_goes_on():
    one = SKLearnRegressor(regressor, warm_start=True).fit(X, X[:, 0])
    first = one.model_
    assert one.fit(X, X[:, 0]).model_ is first
    one.warm_start = False
    assert one.fit(X, X[:, 0]).model_ is not first


def test_random_states():
    weights = [SKLearnRegressor(regressor, random_state=s).fit(X, X[:, 0]).model_.get_weights()[0] for s in (1, 1, 2)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_two_classes():
    fitted = SKLearnClassifier(classifier, fit_kwargs={"epochs": 9}).fit(X, X[:, 0] > 0)
    assert fitted.decision_function(X).shape == (90,)
    np.testing.assert_array_equal(fitted.decision_function(X) > 0, fitted.predict(X))


def uncompiled(X, y):
    return lamina.Sequential([lamina.layers.Dense(1, input_shape=(4,))])


@pytest.mark.parametrize(
    "misuse, text",
    [
        (lambda: SKLearnRegressor(uncompiled).fit(X, X[:, 0]), "not compiled"),
        (lambda: SKLearnRegressor(lambda X, y: 3).fit(X, X[:, 0]), "int"),
        (lambda: SKLearnClassifier(classifier).fit(X, np.ones(90)), "only one class"),
        (lambda: SKLearnClassifier(classifier).fit(X, X[:, 0]), "Unknown label type"),
    ],
)
def test_misuse(misuse, text):
    with pytest.raises(ValueError, match=text):
        misuse()


def test_without_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None; import lamina\n"
        "try: lamina.wrappers.SKLearnClassifier\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'lamina[sklearn]'" in said
    assert hasattr(lamina.wrappers, "SKLearnClassifier")


def test_uids():
    lamina.backend.clear_session()
    assert [lamina.backend.get_uid(prefix) for prefix in ("a", "a", "b", "")] == [1, 2, 1, 1]
    lamina.backend.clear_session()
    assert lamina.backend.get_uid("a") == 1


def test_what_the_function_of_a_model_takes_is_said():
    x, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    for made, text in (
        (lambda: None, r"unexpected keyword argument 'X'(.|\n)*X=\.\.\., y=\.\.\."),
        (lambda X, y, width: None, "required argument: 'width'"),
        ("model.lamina", "cannot be 'model.lamina'"),
    ):
        with pytest.raises(lamina.ArgumentError, match=text):
            SKLearnClassifier(made).fit(x, y)


def test_a_transformer_predicts_what_it_transforms_to():
    made = SKLearnTransformer(regressor).fit(X, X[:, 0])
    np.testing.assert_array_equal(made.predict(X), made.transform(X))
