"""What students do wrong, and what they read: the kind of error, the place, what came, what was due, what to try.

Each function is one mistake. Its error names a line within the function, and its traceback ends in this file.
"""

from __future__ import annotations

import os
import re
import traceback

import numpy as np
import pytest
import torch

import lamina as keras
from lamina import Input, Model, Sequential, layers, ops

X = np.random.default_rng(0).random((40, 4)).astype("float32")
Y = X[:, :1]
CLASSES = np.arange(40) % 3
HERE = os.path.basename(__file__)
MISUSES = {}


def misuse(kind, *, got=None, expected=None, hint=None, folded=True):
    """A mistake, and regular expressions for what is said of it; None: the line may be left out.

    Args:
        folded: the traceback ends here; a method of a symbolic tensor shows its own frame below.
    """

    def keep(function):
        assert function.__name__ not in MISUSES
        MISUSES[function.__name__] = (function, kind, {"got": got, "expected": expected, "try": hint}, folded)
        return function

    return keep


def net(units=1, activation=None):
    model = Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(units, activation=activation)])
    model.compile("sgd", "mse")
    return model


def classifier(loss="sparse_categorical_crossentropy"):
    model = net(3, "softmax")
    model.compile("sgd", loss)
    return model


def two_inputs():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], layers.Dense(1)(layers.add([a, b])))
    model.compile("sgd", "mse")
    return model


# ---- making layers ---------------------------------------------------------------------------------------------------


@misuse(ValueError, got="'64' of type str", expected="a positive integer")
def units_as_text():
    layers.Dense("64")


@misuse(TypeError, got=r"Conv2D\(8\)", expected=r"Conv2D\(filters, kernel_size")
def an_argument_left_out():
    layers.Conv2D(8)


@misuse(TypeError, got="activations='relu'", hint="'activation'")
def an_argument_misspelt():
    layers.Dense(8, activations="relu")


@misuse(ValueError, got="'rellu'", hint="'relu'")
def an_activation_misspelt():
    layers.Dense(8, activation="rellu")


@misuse(ValueError, got="'glorot'", hint="'GlorotNormal' or 'GlorotUniform'")
def an_initializer_misspelt():
    layers.Dense(8, kernel_initializer="glorot")


@misuse(ValueError, got="'smae' of type str", expected="'valid', 'same'")
def a_padding_misspelt():
    layers.Conv2D(8, 3, padding="smae")


@misuse(ValueError, got="2.5 of type float", expected="a number from 0 to 1")
def a_dropout_of_more_than_everything():
    layers.Dropout(2.5)


@misuse(ValueError, got="SymbolicTensor", hint=r"Flatten\(\.\.\.\)\(x\)")
def a_layer_called_as_a_function():
    layers.Flatten(Input((3, 3)))


@misuse(AttributeError, hint="'Dense'")
def a_layer_misspelt():
    _ = layers.Dens


@misuse(AttributeError, hint="torchvision")
def a_layer_that_only_keras_has():
    _ = layers.RandomHeight


@misuse(ImportError, hint="torchvision")
def an_import_that_only_keras_has():
    from lamina.layers import RandomWidth  # noqa: F401


@misuse(AttributeError, hint="layers.Dense")
def a_name_in_the_wrong_module():
    _ = keras.Dense


@misuse(ValueError, got="5", hint=r"shape=\(5,\)")
def an_input_of_a_number():
    Input(5)


@misuse(ValueError, got="-3", expected=None)
def an_input_of_negative_size():
    Input((-3,))


@misuse(TypeError, expected="float32", hint="float32")
def a_dtype_misspelt():
    Input((3,), dtype="flot32")


# ---- drawing ---------------------------------------------------------------------------------------------------------


@misuse(ValueError, got=r"\(None, 28\)", expected="3 axes, not 2", hint="Reshape")
def too_few_axes():
    layers.LSTM(8)(Input((28,)))


@misuse(ValueError, got=r"\(None, 32, 28, 28, 1\)", expected="4 axes", hint=r"Input\(\(28, 28, 1\)\).*batch")
def the_batch_size_in_the_shape():
    layers.Conv2D(8, 3)(Input((32, 28, 28, 1)))


@misuse(ValueError, got=r"\(32, 4\)", expected=r"\(None, 32, 4\)", hint=r"Input\(\(4,\)\) if 32 is the batch size")
def the_batch_size_in_the_shape_seen_with_data():
    x = Input((32, 4))
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)


@misuse(ValueError, got=r"\(None, None\)", expected="a known size", hint="Input")
def features_of_unknown_size():
    layers.Dense(3)(Input((None,)))


@misuse(ValueError, got=r"\(None, 4, 5\)", expected="equal in all but axis 1", hint="pad")
def shapes_that_cannot_be_joined():
    layers.Concatenate(axis=1)([Input((4, 3)), Input((4, 5))])


@misuse(ValueError, got=r"\(None, 4\)", expected="5 values", hint="target_shape")
def a_reshape_to_more_values():
    layers.Reshape((5,))(Input((4,)))


@misuse(ValueError, got=r"\(None, 3, 3, 1\)", expected="at least 5 x 5", hint="padding='same'")
def a_kernel_larger_than_the_picture():
    layers.Conv2D(8, 5)(Input((3, 3, 1)))


@misuse(ValueError, got="shapes", expected="one tensor", hint="Concatenate")
def a_layer_on_a_tuple():
    layers.Dense(3)((Input((4,)), Input((4,))))


@misuse(ValueError, got="NoneType", expected="symbolic tensors, torch tensors or NumPy arrays", hint="Input")
def a_layer_on_nothing():
    layers.Dense(3)(None)


@misuse(TypeError, hint="ops.where")
def a_python_if_on_a_symbolic_tensor():
    x = Input((3,))
    if ops.sum(x) > 0:
        pass


@misuse(TypeError, hint=r"predict\(x\), or model\(x\).detach\(\).numpy\(\)", folded=False)
def values_of_a_symbolic_tensor():
    layers.Dense(2)(Input((3,))).numpy()


@misuse(ValueError, got="the class Dense", hint=r"Dense\(\.\.\.\)")
def a_class_in_add():
    Sequential().add(layers.Dense)


@misuse(ValueError, got="function", hint="Lambda")
def a_function_in_a_sequential():
    Sequential([Input((3,)), torch.relu])


@misuse(ValueError, got="SymbolicTensor", hint="the layer itself")
def a_result_in_add():
    Sequential().add(layers.Dense(3)(Input((4,))))


@misuse(ValueError, got="NoneType", hint="Dense")
def nothing_in_add():
    net().add(None)


@misuse(ValueError, got="Dense", hint=r"call it: Dense")
def a_layer_as_an_output():
    x = Input((3,))
    Model(x, layers.Dense(3))


@misuse(ValueError, got=rf"inputs 'input_layer' from \S*{HERE}:\d+", expected=rf"'input_layer' from \S*{HERE}:\d+",
        hint="add it to the inputs")  # fmt: skip
def an_input_left_out():
    a = Input((4,))
    b = Input((4,))
    Model(a, layers.Dense(1)(layers.add([a, b])))


@misuse(ValueError, hint=r"Model\(inputs, outputs\)")
def a_model_without_outputs():
    Model(Input((3,)))


# ---- classes of one's own --------------------------------------------------------------------------------------------


@misuse(RuntimeError, got=rf"NoSuper.__init__, \S*{HERE}:\d+", expected=r"super\(\).__init__\(\)", hint="first line")
def super_forgotten():
    class NoSuper(layers.Layer):
        def __init__(self):
            self.dense = layers.Dense(3)

    NoSuper()


@misuse(AttributeError, expected=r"super\(\).__init__\(\)", hint="first line")
def super_forgotten_and_only_numbers_kept():
    class NoSuper(Model):
        def __init__(self, units):
            self.units = units

    NoSuper(3)


@misuse(RuntimeError, hint="first line")
def super_called_too_late():
    class Late(Model):
        def __init__(self):
            self.dense = layers.Dense(3)
            super().__init__()

    Late()


@misuse(NotImplementedError, got="class Empty", hint=r"def call\(self, inputs\)")
def a_layer_without_call():
    class Empty(layers.Layer):
        pass

    Empty()(Input((3,)))


@misuse(NotImplementedError, got="cal", hint="call instead of cal")
def call_misspelt():
    class Misspelt(Model):
        def cal(self, x):
            return x

    Misspelt()(torch.ones(2, 3))


@misuse(TypeError, got="NoneType", hint="return")
def a_call_that_returns_nothing():
    class Silent(layers.Layer):
        def call(self, x):
            x * 2

    Sequential([Input((4,)), Silent()])


@misuse(ValueError, got="'kernel'", expected="the shape first", hint=r"name='kernel'")
def a_weight_by_the_order_of_keras_2():
    class Old(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight("kernel", (input_shape[-1], 3))

    Old()(Input((4,)))


# ---- real tensors ----------------------------------------------------------------------------------------------------


@misuse(ValueError, got=r"\(2, 5\)", expected="axis -1 of size 4, not 5", hint="a new layer")
def a_built_layer_on_another_width():
    dense = layers.Dense(3)
    dense(torch.ones(2, 4))
    dense(np.ones((2, 5), "float32"))


@misuse(ValueError, got=r"\(2, 8, 4\)", expected="axis -1 of size 3", hint="a new layer")
def a_built_lstm_on_another_width():
    lstm = layers.LSTM(3)
    lstm(torch.ones(2, 8, 3))
    lstm(torch.ones(2, 8, 4))


@misuse(ValueError, got=r"\(2, 5, 9\)", expected=r"\(None, 5, 8\)", hint="a new layer")
def built_attention_on_another_width():
    attention = layers.MultiHeadAttention(2, 4)
    attention(torch.ones(2, 5, 8), torch.ones(2, 5, 8))
    attention(torch.ones(2, 5, 9), torch.ones(2, 5, 9))


@misuse(RuntimeError, got="input on meta, weights on cpu", expected="one device", hint=r"x.to\('cpu'\)")
def a_tensor_on_another_device():
    net()(torch.ones(2, 4, device="meta"))


@misuse(IndexError, got="12", expected=r"\[0, 10\)", hint="input_dim")
def an_id_beyond_the_table():
    layers.Embedding(10, 3)(np.array([[1, 12]]))


@misuse(ValueError, got=r"mask \(2, 4\)", expected=r"\(2, 5\)")
def a_mask_of_another_length():
    layers.LSTM(3)(np.ones((2, 5, 3), "float32"), mask=np.ones((2, 4), bool))


# ---- compile ---------------------------------------------------------------------------------------------------------


@misuse(ValueError, got="'spars_categorical_crossentropy'", hint="'sparse_categorical_crossentropy'")
def a_loss_misspelt():
    net().compile("sgd", "spars_categorical_crossentropy")


@misuse(ValueError, got="'acuracy'", hint="'Accuracy'")
def a_metric_misspelt():
    net().compile("sgd", {"dense_1": "mse"}, metrics={"dense_1": ["acuracy"]})


@misuse(ValueError, got="'adamm'", hint="'Adam'")
def an_optimizer_misspelt():
    net().compile("adamm", "mse")


@misuse(TypeError, got="optimiser", hint="'optimizer'")
def an_argument_of_compile_misspelt():
    net().compile(optimiser="adam")


@misuse(ValueError, got="'0.01'", hint="schedule")
def a_learning_rate_as_text():
    keras.optimizers.Adam("0.01")


@misuse(ValueError, hint="model.compile")
def compile_forgotten():
    Sequential([Input((4,)), layers.Dense(1)]).fit(X, Y)


@misuse(TypeError, got="got an unexpected|missing|too many", expected=r"\(y_true, y_pred\)", hint="y_true, y_pred")
def a_loss_of_one_argument():
    model = net()
    model.compile("sgd", lambda p: p.mean())
    model.fit(X, Y, verbose=0)


@misuse(TypeError, got="None", expected="a tensor", hint="return")
def a_loss_that_returns_nothing():
    model = net()
    model.compile("sgd", lambda t, p: None)
    model.fit(X, Y, verbose=0)


@misuse(ValueError, got="float32", expected="a tensor", hint="a number has no gradient")
def a_loss_by_numpy():
    model = net()
    model.compile("sgd", lambda t, p: np.mean(p.detach().numpy()))
    model.fit(X, Y, verbose=0)


@misuse(ValueError, got="4 weights, 4 of them trainable", hint="detach")
def a_loss_without_a_gradient():
    model = net()
    model.compile("sgd", lambda t, p: (t - p.detach()).square().mean())
    model.fit(X, Y, verbose=0)


@misuse(ValueError, expected="gradients are recorded", hint="no_grad")
def backward_without_a_gradient():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def train_step(self, data):
            with torch.no_grad():
                loss = self.dense(data[0]).mean()
            loss.backward()

    model = Own()
    model.compile("sgd")
    model.fit(X, Y, verbose=0)


# ---- data ------------------------------------------------------------------------------------------------------------


@misuse(ValueError, hint="give its y")
def targets_left_out():
    net().fit(X, verbose=0)


@misuse(ValueError, got="x: 40, y: 30", expected="one row per sample")
def fewer_targets_than_rows():
    net().fit(X, Y[:30], verbose=0)


@misuse(TypeError, got="dtype <U", expected="floats, integers or booleans", hint="StringLookup")
def texts_as_data():
    net().fit(np.array([["a", "b", "c", "d"]] * 4), Y[:4], verbose=0)


@misuse(ValueError, got="lengths 4, 3", hint="pad_sequences")
def ragged_lists():
    net().fit([[1, 2, 3, 4], [1, 2, 3]], Y[:2], verbose=0)


@misuse(TypeError, got="list", hint="pad_sequences")
def ragged_arrays():
    x = np.empty(2, object)
    x[0], x[1] = [1, 2, 3, 4], [1, 2]
    net().fit(x, Y[:2], verbose=0)


@misuse(ValueError, got=r"\(32, 3\)", expected=r"\(None, 4\)")
def data_of_another_width():
    net().fit(X[:, :3], Y, verbose=0)


@misuse(ValueError, got=r"\(4,\)", hint=r"x\[None\]")
def a_single_example():
    net().predict(X[0])


@misuse(ValueError, got=r"targets \(B,\)", expected=r"\(B, 3\)", hint="sparse_categorical_crossentropy")
def class_numbers_for_one_hot():
    classifier("categorical_crossentropy").fit(X, CLASSES, verbose=0)


@misuse(ValueError, got=r"targets \(B, 3\)", expected=r"\(B,\)", hint="categorical_crossentropy")
def one_hot_for_class_numbers():
    classifier().fit(X, np.eye(3)[CLASSES], verbose=0)


@misuse(ValueError, got="3 in row 2", expected="from 0 to 2", hint="subtract 1")
def classes_counted_from_one():
    classifier().fit(X, CLASSES + 1, verbose=0)


@misuse(ValueError, got="keys", expected=r"\['a', 'b'\]")
def keys_of_other_inputs():
    two_inputs().fit({"a": X, "c": X}, Y, verbose=0)


@misuse(ValueError, got=r"one array of shape \(\d+, 4\)", expected="a list in the order", hint=r"\[x1, x2\]")
def one_array_for_two_inputs():
    two_inputs().fit(X, Y, verbose=0)


@misuse(ValueError, got="list of 3 numbers", hint="dict")
def weights_of_classes_as_a_list():
    classifier().fit(X, CLASSES, class_weight=[1, 2, 3], verbose=0)


@misuse(ValueError, got="generator", hint="validation_data")
def a_split_of_a_generator():
    net().fit((batch for batch in [(X, Y)]), validation_split=0.2, verbose=0)


@misuse(TypeError, got="epoch=3", hint="'epochs'")
def an_argument_of_fit_misspelt():
    net().fit(X, Y, epoch=3)


@misuse(ValueError, got="EarlyStopping", hint=r"EarlyStopping\(\.\.\.\)")
def a_callback_that_is_a_class():
    net().fit(X, Y, callbacks=[keras.callbacks.EarlyStopping], verbose=0)


# ---- words and shapes of elsewhere -----------------------------------------------------------------------------------


@misuse(ValueError, got=r"a list of 3 arrays.*\(4,\)", hint=r"np\.stack")
def samples_in_a_list():
    net().predict([X[0], X[1], X[2]], verbose=0)


@misuse(ValueError, got=r"x\[0\]: 4", hint=r"np\.stack")
def samples_in_a_list_to_learn():
    net().fit([X[0], X[1], X[2]], [0.0, 1.0, 2.0], verbose=0)


@misuse(ValueError, got="a tuple of 2 arrays", hint=r"fit\(x, y\)")
def data_in_one_tuple():
    net().fit((X, Y), verbose=0)


@misuse(ValueError, got=r"\(B, 6, 6, 3\)", hint=r"Flatten.*GlobalAveragePooling")
def pictures_without_flatten():
    model = Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((40, 8, 8, 1)), CLASSES, verbose=0)


@misuse(ValueError, expected="optimizer first", hint=r"optimizer='adam', loss='mse'")
def loss_and_optimizer_swapped():
    net().compile("mse", "adam")


@misuse(ValueError, hint=r"optimizer='adam'")
def an_optimizer_as_the_loss():
    net().compile(loss="adam")


@misuse(ValueError, got="Sequential for the input", hint=r"encoder\.output")
def a_model_on_a_model():
    net()(net())


@misuse(ValueError, got="Dense, Dense", hint=r"Sequential\(\[Dense\(\.\.\.\), Dense")
def layers_without_a_list():
    Sequential(layers.Dense(3), layers.Dense(2))


@misuse(ValueError, hint=r"input_shape=\(3,\)")
def a_number_for_a_shape():
    layers.Dense(4, input_shape=3)


@misuse(AttributeError, hint="fit\\(generator")
def a_method_of_keras_2():
    net().fit_generator(iter([]))


@misuse(AttributeError, hint="argmax")
def another_method_of_keras_2():
    net().predict_classes(X)


@misuse(AttributeError, hint="backward")
def a_tape():
    keras.GradientTape()


@misuse(TypeError, hint="units instead of output_dim")
def a_width_of_keras_1():
    layers.Dense(output_dim=3)


@misuse(TypeError, hint="rate instead of p")
def a_dropout_of_pytorch():
    layers.Dropout(p=0.3)


@misuse(TypeError, hint="padding instead of border_mode; without in_channels")
def a_convolution_of_others():
    layers.Conv2D(3, 3, border_mode="same", in_channels=1)


@misuse(TypeError, hint="epochs instead of nb_epoch")
def epochs_of_keras_1():
    net().fit(X, Y, nb_epoch=2)


@misuse(RuntimeError, hint=r"super without arguments")
def super_of_the_base():
    class Mine(layers.Layer):
        def __init__(self):
            super(layers.Layer, self).__init__()
            self.dense = layers.Dense(3)

    Mine()


@misuse(AttributeError, got="self.layers = list", hint="my_layers")
def layers_as_an_attribute():
    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.layers = [layers.Dense(3)]

    Mine()


@misuse(AttributeError, got="self.weights = int", hint="my_weights")
def weights_as_an_attribute():
    class Mine(layers.Layer):
        def __init__(self):
            super().__init__()
            self.weights = 3

    Mine()


@misuse(TypeError, hint=r"ops\.where.*ops\.cond")
def a_python_if():
    if Input((3,)) > 0:
        raise AssertionError


class Chooses(layers.Layer):
    def call(self, x):
        return x if x.sum() > 0 else -x


@misuse(TypeError, hint=r"ops\.where.*ops\.cond")
def a_python_if_in_a_layer():
    Chooses()(Input((3,)))


# ---- files and names -------------------------------------------------------------------------------------------------


@misuse(ValueError, hint="makedirs")
def a_folder_that_is_not_there():
    net().save("/nowhere/at/all.keras")


@misuse(FileNotFoundError, got="nothing.keras", hint="listdir|or|no folder")
def a_file_that_is_not_there():
    keras.models.load_model("nothing.keras")


@misuse(ValueError, expected="dense, dense_1")
def a_layer_of_another_name():
    net().get_layer("dense_9")


@misuse(ValueError, got=r"1: \[\(4, 2\)\]", expected=r"2: \[\(4, 3\), \(3,\)\]")
def weights_of_other_shapes():
    dense = layers.Dense(3)
    dense.build((None, 4))
    dense.set_weights([np.ones((4, 2))])


# ---- what a layer before would have to give --------------------------------------------------------------------------


@misuse(ValueError, got=r"\(None, 4\) +from LSTM", hint=r'return_sequences=True in LSTM "lstm"')
def a_stack_of_lstms():
    Sequential([Input((5, 3)), layers.LSTM(4), layers.LSTM(3)])


@misuse(ValueError, got=r"\(None, 28, 28\)", hint=r"Input\(\(28, 28, 1\)\)")
def pictures_without_channels():
    layers.Conv2D(3, 3)(Input((28, 28)))


@misuse(ValueError, got=r"\(None, 8, 8\)", hint=r"Reshape\(\(8, 8, 1\)\)")
def pictures_without_channels_after_a_layer():
    layers.MaxPooling2D()(layers.Reshape((8, 8))(Input((64,))))


@misuse(
    ValueError, got="1 positional", expected=r"call\(query, value, key=None.*missing.*'value'", hint=r"layer\(x, x\)"
)
def attention_of_one():
    layers.MultiHeadAttention(2, 3)(Input((5, 3)))


@misuse(ValueError, got=r"ndarray of shape \(40, 4\)", hint=r"shape=\(4,\), the shape of one sample")
def data_in_an_input():
    Input(X)


@misuse(ValueError, got="'accuracy'", hint=r"metrics=\['accuracy'\]")
def a_metric_as_the_loss():
    net().compile("sgd", "accuracy")


@misuse(ValueError, hint=r"torch.optim.Adam\(model.parameters")
def a_class_of_an_optimizer_of_pytorch():
    net().compile(torch.optim.Adam, "mse")


@misuse(ValueError, got=r"ndarray of shape \(40, 1\)", hint=r"predict\(x\) takes none")
def targets_in_predict():
    net().predict(X, Y)


@misuse(ValueError, got="32", hint="batch_size=32")
def a_batch_size_in_the_place_of_targets():
    net().evaluate(X, 32)


@misuse(ValueError, expected="dense, dense_1", hint=r"get_layer\(index=0\)")
def a_number_for_the_name_of_a_layer():
    net().get_layer(0)


# ---- what fits in another place ------------------------------------------------------------------------------------


@misuse(ValueError, got=r"\['mae'\]", hint=r"metrics=\['mae'\]")
def metrics_where_keras_2_had_them():
    net().compile("sgd", "mse", ["mae"])


@misuse(ValueError, got="Precision", hint="metrics=")
def a_metric_as_a_weight_of_a_loss():
    two_inputs().compile("sgd", "mse", loss_weights={"dense": keras.metrics.Precision()})


def pictures(channels=3):
    return Sequential([Input((6, 6, channels)), layers.Conv2D(2, 3), layers.Flatten()])


@misuse(ValueError, got=r"\(5, 3, 6, 6\)", hint=r"moveaxis\(x, 1, -1\)")
def pictures_as_pytorch_has_them():
    pictures().predict(np.zeros((5, 3, 6, 6)), verbose=0)


@misuse(ValueError, got=r"\(5, 6, 6, 3\)", hint=r"moveaxis\(x, -1, 1\)")
def pictures_as_keras_has_them():
    layered = layers.Conv2D(2, 3, data_format="channels_first")
    Sequential([Input((3, 6, 6)), layered]).predict(np.zeros((5, 6, 6, 3)), verbose=0)


@misuse(ValueError, got=r"\(5, 6, 6\)", hint=r"np.repeat\(x\[\.\.\., None\], 3")
def grey_pictures_for_a_model_of_coloured_ones():
    pictures().predict(np.zeros((5, 6, 6)), verbose=0)


@misuse(ValueError, expected=r"LSTMCell", hint="the layer alone")
def a_recurrent_layer_as_a_cell():
    layers.RNN(layers.LSTM(3))


@misuse(ValueError, expected=r"\.\.\. \(31 in all\)", hint="'dense_25'")
def a_layer_of_another_name_among_many():
    Sequential([Input((4,)), *(layers.Dense(4) for _ in range(31))]).get_layer("dens_25")


@misuse(ValueError, got="4 weights", hint="build")
def weights_for_a_model_that_has_none_yet(path="no weights yet.weights.safetensors"):
    model = net()
    try:
        model.save_weights(path)
        Sequential([layers.Dense(8), layers.Dense(1)]).load_weights(path)
    finally:
        os.remove(path)


@misuse(AttributeError, hint=r"Sequential.*Model\(model.inputs")
def add_of_a_model_with_a_graph():
    x = Input((4,))
    Model(x, layers.Dense(2)(x)).add(layers.Dense(3))


@misuse(TypeError, got=r"shape=3\.5", expected="whole number")
def half_a_weight():
    layers.Layer().add_weight(3.5)


@misuse(TypeError, got=r"\(4, 1\.5\)", hint="units // 2")
def half_an_axis():
    layers.Layer().add_weight(shape=(4, 3 / 2))


@misuse(TypeError, hint=r"LSTM\(\.\.\., return_state=True\)")
def states_that_were_not_asked_for():
    _h, _c = layers.LSTM(4)(Input((5, 3)))


@misuse(TypeError, hint=r"Bidirectional\(GRU\(\.\.\., return_state=True\)\)")
def states_of_both_directions_that_were_not_asked_for():
    _h, _forward, _backward = layers.Bidirectional(layers.GRU(4))(Input((5, 3)))


@misuse(TypeError, hint="return_attention_scores=True")
def scores_that_were_not_asked_for():
    x = Input((5, 8))
    _y, _scores = layers.MultiHeadAttention(2, 4)(x, x)


@misuse(ValueError, got="Dense, Dense", hint="Sequential")
def a_model_of_layers():
    Model([layers.Dense(4), layers.Dense(1)])


@misuse(TypeError, got="Sequential", hint="the path first")
def a_model_for_a_path():
    keras.models.load_model(net())


@misuse(TypeError, got="None", expected="a text or a pathlib.Path")
def no_path_to_write():
    net().save(None)


@misuse(TypeError, got="None", expected="4 arrays")
def no_weights():
    net().set_weights(None)


@misuse(TypeError, hint=r"other\.get_weights\(\)")
def a_model_for_its_weights():
    net().layers[0].set_weights(net().layers[0])


def endless(kind):
    made = kind()
    made.append(made) if kind is list else made.update(a=made)
    return made


@misuse(ValueError, got="a list of 1")
def a_list_that_holds_itself():
    net().predict(endless(list))


@misuse(ValueError, got="a dict of 1")
def a_dict_that_holds_itself():
    net().fit(X, endless(dict))


@misuse(ValueError, got="a list of 1")
def a_list_that_holds_itself_in_a_call():
    net()(endless(list))


@misuse(torch.linalg.LinAlgError, got="not positive-definite", hint="positive eigenvalues")
def a_matrix_without_factors():
    x = Input((3, 3))
    Model(x, ops.cholesky(x)).predict(np.zeros((2, 3, 3)), verbose=0)


@misuse(RuntimeError, got="probability tensor")
def a_draw_from_what_are_no_shares():
    x = Input((3,))
    Model(x, torch.multinomial(x, 1))(np.array([[-1.0, 0.5, 0.2]]))


@misuse(IndexError, got="5, the first of 1", expected="integers in", hint="num_tokens")
def an_integer_without_a_place():
    layers.CategoryEncoding(4, "one_hot")([5])


@misuse(ValueError, got="of weights at once", hint="in a Layer of your own")
def positions_that_hang_on_no_input():
    Input((5, 8)) + layers.Embedding(100, 8)(ops.arange(5))


@misuse(ValueError, expected=r"query and key, not query \(None, 5, 8\), key \(None, 6, 4\)")
def attention_of_other_features():
    q, k = Input((5, 8)), Input((6, 4))
    torch.nn.functional.scaled_dot_product_attention(q, k, k)


@misuse(ValueError, expected=r"a mask that goes with the scores, \(None, 4, 5, 6\), not \(3, 3\)")
def attention_with_a_mask_of_other_steps():
    q, k = Input((4, 5, 8)), Input((4, 6, 8))
    torch.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=torch.ones(3, 3, dtype=torch.bool))


# ----------------------------------------------------------------------------------------------------------------------


def test_there_are_enough():
    assert len(MISUSES) >= 60


@pytest.mark.parametrize("name", MISUSES)
def test_a_student_can_act_on_it(name):
    function, kind, said, folded = MISUSES[name]
    with pytest.raises(kind) as caught:
        function()
    error, text = caught.value, str(caught.value)
    assert isinstance(error, keras.LaminaError), repr(error)
    headline, *lines = text.splitlines()
    assert headline.endswith(".")
    facts = {m[1]: m[2] for m in (re.match(r"  (got|expected|where|try) +(.*)", line) for line in lines) if m}
    for key, pattern in said.items():
        if pattern is not None:
            assert re.search(pattern, text[text.index(f"  {key} ") :] if f"  {key} " in text else ""), text
    assert facts.keys() & {"got", "expected", "try"}, text
    file, _, number = facts["where"].rpartition(":")
    assert os.path.basename(file) == HERE, text
    code = function.__code__
    assert code.co_firstlineno <= int(number) <= max(line or 0 for *_, line in code.co_lines()) + 1, text
    if folded:
        assert {frame.filename for frame in traceback.extract_tb(error.__traceback__)} == {__file__}
