"""MultiOptimizer and OptimizerMap: each weight moves as it would under its optimizer alone, and beside Keras'."""

from __future__ import annotations

import copy
import json
import pickle

import keras
import numpy as np
import pytest
import torch

from lamina import optimizers
from lamina.graph.errors import ArgumentError, StructureError
from lamina.layers.variable import Variable
from lamina.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap
from tests.ids import without_address
from tests.metrics.waiting import NoWaiting

PATHS = {"encoder/kernel": (4, 3), "encoder/bias": (3,), "encoder_norm/gamma": (3,), "head/kernel": (3, 2)}


def start():
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype("float32") for shape in PATHS.values()]


def weights():
    return [Variable(torch.from_numpy(v), name=p.split("/")[1], path=p) for p, v in zip(PATHS, start(), strict=True)]


def gradients(step):
    return [
        torch.from_numpy(np.random.default_rng([step, i]).normal(size=s)).float() for i, s in enumerate(PATHS.values())
    ]


def run(optimizer, parameters, steps):
    for step in steps:
        optimizer.apply(gradients(step), parameters)
    return [p.detach().clone() for p in parameters]


def assert_identical(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


def by_map(library, **own):
    schedule = library.schedules.ExponentialDecay(0.1, 5, 0.5)
    choice = library.OptimizerMap(
        library.Adam(0.05, weight_decay=0.1),
        {"encoder/.*": library.SGD(schedule, momentum=0.9, clipnorm=0.5), "encoder/bias": library.RMSprop(0.02)},
    )
    return library.MultiOptimizer(choice, **own)


def by_function(library):
    adam, sgd = library.AdamW(0.05, use_ema=True, ema_overwrite_frequency=4), library.SGD(0.1)
    return library.MultiOptimizer(lambda weight: adam if "encoder" in weight.path else sgd)


def each_its_own(library):
    return library.MultiOptimizer(lambda weight: library.Adam(0.05, global_clipnorm=0.3))


@pytest.mark.parametrize(
    "make", [by_map, by_function, each_its_own, lambda of: by_map(of, loss_scale_factor=4.0)], ids=without_address
)
def test_against_keras(make):
    theirs, ours, variables = make(keras.optimizers), make(optimizers), []
    for path, value in zip(PATHS, start(), strict=True):
        with keras.name_scope(path.split("/")[0]):
            variables.append(keras.Variable(value, name=path.split("/")[1]))
    for step in range(50):
        theirs.apply(gradients(step), variables)
    actual = run(ours, weights(), range(50))
    torch.testing.assert_close(actual, [v.value.detach() for v in variables], rtol=1e-5, atol=1e-5)
    assert ours.iterations == int(theirs.iterations) == 50
    assert [type(o).__name__ for o in ours.optimizers] == [type(o).__name__ for o in theirs.optimizers]


@pytest.mark.parametrize("make", [by_map, by_function, each_its_own], ids=without_address)
def test_a_step_waits_for_nothing(make):
    optimizer, parameters = make(optimizers), weights()
    with NoWaiting():
        run(optimizer, parameters, range(3))


def test_frozen_weights_stay_and_their_optimizer_rests():
    optimizer, parameters = by_map(optimizers), weights()
    optimizer.build(parameters)
    run(optimizer, parameters, [0])
    before = [p.detach().clone() for p in parameters]
    sgd, rms, adam = optimizer.optimizers
    optimizer.apply([None, *gradients(1)[1:]], parameters)
    optimizer.apply(gradients(2)[1:], parameters[1:])
    assert torch.equal(parameters[0].detach(), before[0])
    assert not torch.equal(parameters[1].detach(), before[1])
    assert (sgd.iterations, rms.iterations, adam.iterations, optimizer.iterations) == (1, 3, 3, 3)
    run(optimizer, parameters, [3])
    assert not torch.equal(parameters[0].detach(), before[0])
    with pytest.raises(ArgumentError, match="no gradient at all"):
        optimizer.apply([None] * 4)


def test_building_again_adds_what_is_new():
    optimizer, parameters = by_map(optimizers), weights()
    optimizer.apply(gradients(0)[2:], parameters[2:])
    optimizer.build(parameters)
    run(optimizer, parameters, range(1, 4))
    assert [len(o._parameters) for o in optimizer.optimizers] == [1, 1, 2]
    assert optimizer.iterations == 4


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("make", [by_map, by_function, each_its_own], ids=without_address)
def test_interrupted_run_is_bit_equal(make, built):
    uninterrupted = run(make(optimizers), weights(), range(10))
    first, parameters = make(optimizers), weights()
    run(first, parameters, range(5))
    saved = {key: tensor.clone() for key, tensor in first.state_dict().items()}
    second = make(optimizers)
    if built:
        second.build(parameters)
    second.load_state_dict(saved)
    assert_identical(run(second, parameters, range(5, 10)), uninterrupted)
    assert second.iterations == 10


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))], ids=["copy", "pickle"]
)
def test_a_copy_goes_on_by_itself(copied):
    optimizer, parameters = by_map(optimizers), weights()
    run(optimizer, parameters, range(3))
    second, others = copied((optimizer, parameters))
    expected = run(second, others, range(3, 6))
    assert_identical(run(optimizer, parameters, range(3, 6)), expected)


def test_config_round_trip():
    optimizer = by_map(optimizers, loss_scale_factor=2.0, name="both")
    data = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.deserialize(data)
    assert again.get_config() == optimizer.get_config()
    assert_identical(run(again, weights(), range(6)), run(optimizer, weights(), range(6)))
    wrapped = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(LossScaleOptimizer(optimizer)))))
    assert type(wrapped.inner_optimizer._optimizer_map) is OptimizerMap


def test_an_optimizer_under_several_keys_stays_one():
    adam, sgd = Adam(0.5), SGD(0.25)
    choice = OptimizerMap(sgd, {"a": adam, "b": sgd, "c": adam})
    data = json.loads(json.dumps(choice.get_config()))
    again = OptimizerMap.from_config(data)
    assert again["b"] is again.default_optimizer is again["elsewhere"]
    assert again["a"] is again["c"] is not again["b"]
    assert again.get_config() == choice.get_config()
    with pytest.raises(ArgumentError, match=r"'b' of an OptimizerMap names a key that is not before it(.|\n)*'c'"):
        OptimizerMap.from_config({**data, "optimizer_map": {"b": "c"}})


class Halving(optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.5**step

    def get_config(self):
        return {}


class Own(SGD):
    pass


def choose(weight):
    return Own(Halving())


@pytest.mark.parametrize("choice", [choose, OptimizerMap(Adam(), {".*kernel": Own(Halving())})], ids=without_address)
def test_what_is_the_users_own_comes_from_custom_objects(choice):
    data = json.loads(json.dumps(optimizers.serialize(LossScaleOptimizer(MultiOptimizer(choice)))))
    own = {"choose": choose, "Own": Own, "Halving": Halving}
    again = optimizers.deserialize(data, own).inner_optimizer
    again.build(weights())
    assert Own in map(type, again.optimizers)
    with pytest.raises(ArgumentError, match="Unknown .*(choose|Halving)"):
        optimizers.deserialize(data)


def test_a_class_of_the_same_name_is_not_taken_for_ours():
    data = optimizers.serialize(by_map(optimizers))
    data["config"]["optimizer_map"]["module"] = "theirs"
    with pytest.raises(ArgumentError, match='Unknown choice of optimizers "OptimizerMap"'):
        optimizers.deserialize(data)


def test_a_function_without_a_name_is_refused():
    with pytest.raises(ArgumentError, match="choice of optimizers cannot be saved"):
        optimizers.serialize(by_function(optimizers))


def test_weight_decay_is_each_optimizers_own():
    parameters = weights()
    plain, decaying = SGD(0.1), SGD(0.1, weight_decay=0.5)
    optimizer = MultiOptimizer(OptimizerMap(plain, {"encoder/.*": decaying}))
    decaying.exclude_from_weight_decay(var_names=["bias"])
    for _ in ("before build", "after"):
        assert [optimizer._is_decayed(p) for p in parameters] == [True, False, True, True]
        optimizer.build(parameters)
    optimizer.exclude_from_weight_decay(var_list=[parameters[0]])
    assert [optimizer._is_decayed(p) for p in parameters] == [False, True, True, True]
    late = each_its_own(optimizers)
    late.exclude_from_weight_decay(var_names=["gamma"])
    assert all(late._is_decayed(p) for p in parameters)
    late.build(parameters)
    assert [late._is_decayed(p) for p in parameters] == [True, True, False, True]


def test_moving_averages_at_the_end():
    optimizer, parameters = by_function(optimizers), weights()
    run(optimizer, parameters, range(3))
    averages = [optimizer.optimizers[0]._slots[i]["average"].clone() for i in range(3)]
    optimizer.finalize_variable_values(parameters)
    assert_identical([p.detach() for p in parameters[:3]], averages)


def test_each_has_its_own_learning_rate():
    optimizer = by_map(optimizers)
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(ArgumentError, match=r"a learning rate for each(.|\n)*optimizers\[0\].learning_rate"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match=r"a learning rate for each(.|\n)*one learning rate, 0.5"):
        optimizer.learning_rate = 0.5
    optimizer.loss_scale_factor = 8.0
    assert [o.loss_scale_factor for o in optimizer.optimizers] == [8.0] * 3
    assert optimizer.scale_loss(torch.tensor(2.0)) == 16.0


def test_a_map_is_a_dict():
    choice = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    choice["encoder/bias"] = optimizers.Lion()
    assert choice["encoder/bias"].name == "lion"
    assert choice["encoder/kernel"].name == "adam"
    assert choice["encoder"].name == choice["my_encoder/kernel"].name == "sgd"
    assert list(choice) == ["encoder/.*", "encoder/bias"]
    assert "encoder/bias" in choice
    assert "encoder/kernel" not in choice
    del choice["encoder/bias"]
    assert len(choice) == 1
    assert choice["encoder/bias"].name == "adam"


WRONG_MAPS = [
    (lambda: OptimizerMap("adam"), r"cannot be the default of an OptimizerMap(.|\n)*'adam'"),
    (lambda: OptimizerMap(SGD(), [1]), r"made of a dict(.|\n)*\[1\]"),
    (lambda: OptimizerMap(SGD(), {"a": 1}), r"cannot be 'a' of an OptimizerMap"),
    (lambda: OptimizerMap(SGD(), {1: SGD()}), r"a path or a regular expression(.|\n)*1"),
    (lambda: OptimizerMap(SGD(), {"a": LossScaleOptimizer(SGD())}), r"LossScaleOptimizer cannot be 'a'"),
    (lambda: OptimizerMap(MultiOptimizer(choose)), r"MultiOptimizer cannot be the default"),
    (
        lambda: OptimizerMap(SGD(), {"a.*": Adam(), ".*b": Adam()})["ab"],
        r"Several keys(.|\n)*'ab'(.|\n)*'a\.\*', '\.\*b'",
    ),
    (lambda: OptimizerMap(SGD(), {"a": Adam()}).update({"a": Adam()}), r"'a' is in this OptimizerMap already"),
    (lambda: OptimizerMap(SGD())(torch.nn.Parameter(torch.ones(2))), r"goes by paths(.|\n)*\(2,\)(.|\n)*a function"),
    (lambda: MultiOptimizer("adam"), r"which optimizer trains which weight(.|\n)*'adam'"),
    (lambda: MultiOptimizer(lambda w: None).build(weights()), r"cannot be one of several(.|\n)*None"),
]


@pytest.mark.parametrize("wrong, message", WRONG_MAPS, ids=without_address)
def test_wrong_use(wrong, message):
    with pytest.raises(ArgumentError, match=message):
        wrong()


def test_state_of_another_optimizer_is_refused():
    optimizer, alone = by_map(optimizers), Adam()
    optimizer.build(weights())
    run(alone, weights(), [0])
    with pytest.raises(StructureError, match=r"does not belong(.|\n)*(learning_rate|momentum)(.|\n)*3 optimizers"):
        optimizer.load_state_dict({**alone.state_dict(), "x": torch.ones(1)})
