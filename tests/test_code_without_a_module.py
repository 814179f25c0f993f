"""Code that is run by `exec` in a bare namespace: its functions have no `__module__`, and work as any other's."""

from __future__ import annotations

CODE = """
import lamina
import torch


class Scale(lamina.layers.Layer):
    supports_masking = True

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * self.scale

    def compute_mask(self, x, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Own(lamina.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = Scale()

    def call(self, x):
        return self.scale(x)


class Squares(lamina.losses.Loss):
    def call(self, y_true, y_pred):
        return lamina.ops.mean((y_true - y_pred) ** 2, -1)


class Count(lamina.callbacks.Callback):
    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


def distance(y_true, y_pred):
    return lamina.ops.mean(abs(y_true - y_pred), -1)


def zero(shape, dtype=None):
    return torch.zeros(shape, dtype=dtype)


def as_it_is(v):
    return v


own = {"Own": Own, "Scale": Scale, "Squares": Squares, "distance": distance, "zero": zero}
x = lamina.Input((2,))
drawn = lamina.Model(x, Scale()(lamina.layers.Dense(2, activation=as_it_is, kernel_initializer=zero)(x)))
count = Count()
for model, name in ((Own(), "own"), (drawn, "drawn")):
    for loss in (Squares(), distance):
        model.compile("sgd", loss, metrics=[distance])
        model.fit(torch.ones(4, 2), torch.zeros(4, 2), verbose=0, callbacks=[count])
    model.save_weights(f"{name}.weights.h5")
model = Own()
model.compile("sgd", Squares(), metrics=[distance])
model.fit(torch.ones(4, 2), torch.zeros(4, 2), verbose=0)
for ending in ("lamina", "keras"):
    model.save(f"own.{ending}")
    lamina.saving.load_model(f"own.{ending}", custom_objects=own)
with lamina.saving.custom_object_scope({**own, "as_it_is": as_it_is}):
    told = str(drawn), repr(model), lamina.models.clone_model(drawn)
drawn.summary()
"""


def test_code_without_a_module_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(CODE, "bare.py", "exec"), names)  # noqa: S102  the literal above
    assert names["distance"].__module__ is None
    assert names["count"].epochs == 4
    assert "Scale" in capsys.readouterr().out
