"""LSTM, GRU and SimpleRNN as single operators for `torch.compile`, which would else unroll every time step.

PyTorch's own kernels are taken apart when compiled: a GRU of 50 steps then compiles for a minute, and an LSTM that
trains on a CPU cannot be compiled at all (torch 2.13). These operators run the same kernels, whole, and bring their
gradients: the gates of all steps are computed again from the outputs by two large products, then one loop runs back
over time.

Letters: B batch, T time, F features, U units, G gates. Weights as PyTorch has them: (G*U, F), (G*U, U), (G*U,).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina._torch import onednn, tracing

from . import lstm_kernel


def _lstm(x: Tensor, h: Tensor, c: Tensor, w: Tensor, r: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(outputs (B, T, U), last c (B, U)) of inputs x (B, T, F) and first states (B, U); gates i, f, g, o."""
    weights = [w, r, b, torch.zeros_like(b)]
    outputs, _, last = lstm_kernel.lstm(x, h, c, weights, training=False)
    return outputs.contiguous(), last.squeeze(0).clone()


def _lstm_backward(
    grad: Tensor, grad_c: Tensor, x: Tensor, h: Tensor, c: Tensor, w: Tensor, r: Tensor, b: Tensor, outputs: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of x, h, c, w, r, b from those of the outputs and the last c."""
    layer = onednn.rnn_layer if x.device.type == "cpu" and x.dtype is torch.float32 else None
    if layer is not None:
        return _onednn_backward(layer, grad, grad_c, x, h, c, w, r, b)
    before = _shifted(h, outputs)
    i, f, g, o = (F.linear(x, w, b) + F.linear(before, r)).chunk(4, -1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    memory = [c]
    for keep, new in zip(f.unbind(1), (i * g).unbind(1), strict=True):
        memory.append(keep * memory[-1] + new)
    cs = torch.stack(memory, 1)
    tanh_c = cs[:, 1:].tanh()
    # What a change of c or of the output means for the gates' inputs, at all steps at once.
    from_c = torch.cat((g * i * (1 - i), cs[:, :-1] * f * (1 - f), i * (1 - g * g)), -1)
    from_h = tanh_c * o * (1 - o)
    into_c = o * (1 - tanh_c * tanh_c)

    dh, dc, steps = torch.zeros_like(h), grad_c, []
    for t in range(x.shape[1] - 1, -1, -1):
        dh = dh + grad[:, t]
        dc = dc + dh * into_c[:, t]
        step = torch.cat((dc.repeat(1, 3) * from_c[:, t], dh * from_h[:, t]), -1)
        steps.append(step)
        dh, dc = step @ r, dc * f[:, t]
    gates = torch.stack(steps[::-1], 1)
    return gates @ w, dh, dc, _outer(gates, x), _outer(gates, before), gates.sum((0, 1))


def _onednn_backward(
    layer: onednn.RnnLayer,
    grad: Tensor,
    grad_c: Tensor,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The same by PyTorch's CPU kernel, once more forwards for what it keeps: a tenth of the loop's time."""
    x, grad = x.transpose(0, 1).contiguous(), grad.transpose(0, 1).contiguous()
    zeros, options = torch.zeros_like(b), (2, r.shape[1], 1, True)  # mode LSTM, units, layers, biases
    with torch.enable_grad():  # else the kernel keeps nothing
        run = layer.forward(x, w, r, b, zeros, h, c, False, [], *options, False, False, True)
    outputs, last_h, last_c, kept = run
    dx, dw, dr, db, _, dh, dc = layer.backward(
        *(x, w, r, b, zeros, h, c, outputs, last_h, last_c, grad, torch.zeros_like(h), grad_c),
        *(False, *options, True, False, [], False, kept),
    )
    return dx.transpose(0, 1).contiguous(), dh.view_as(h), dc.view_as(c), dw, dr, db


def _gru(x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor, rb: Tensor) -> Tensor:
    """Outputs (B, T, U) of inputs x (B, T, F) and the first state (B, U); gates in the order r, z, n."""
    outputs, _ = torch.gru(x, h.unsqueeze(0), [w, r, b, rb], True, 1, 0.0, False, False, True)
    return outputs.contiguous()


def _gru_backward(
    grad: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor, rb: Tensor, outputs: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of x, h, w, r, b, rb from those of the outputs."""
    before = _shifted(h, outputs)
    (x_r, x_z, x_n), (h_r, h_z, h_n) = F.linear(x, w, b).chunk(3, -1), F.linear(before, r, rb).chunk(3, -1)
    reset, keep = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    new = (x_n + reset * h_n).tanh()
    # What a change of the output means for the inputs of the three gates, at all steps at once.
    d_new = (1 - keep) * (1 - new * new)
    into = torch.cat((d_new * h_n * reset * (1 - reset), (before - new) * keep * (1 - keep), d_new), -1)
    into_recurrent = torch.cat((into[..., : -h.shape[1]], d_new * reset), -1)

    dh, changes = torch.zeros_like(h), []
    for t in range(x.shape[1] - 1, -1, -1):
        dh = dh + grad[:, t]
        changes.append(dh)
        dh = dh * keep[:, t] + (dh.repeat(1, 3) * into_recurrent[:, t]) @ r
    change = torch.stack(changes[::-1], 1).repeat(1, 1, 3)
    gates, recurrent = change * into, change * into_recurrent
    return gates @ w, dh, _outer(gates, x), _outer(recurrent, before), gates.sum((0, 1)), recurrent.sum((0, 1))


def _rnn(kernel: Any, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor) -> Tensor:
    """Outputs (B, T, U) of inputs x (B, T, F) and the first state (B, U), by `torch.rnn_tanh` or `torch.rnn_relu`."""
    weights = [w, r, b, torch.zeros_like(b)]
    result: Tensor = kernel(x, h.unsqueeze(0), weights, True, 1, 0.0, False, False, True)[0].contiguous()
    return result


def _rnn_backward(
    slope: Any, grad: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor, outputs: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of x, h, w, r, b from those of the outputs; `slope` is the activation's, from its outputs."""
    slopes = slope(outputs)
    dh, steps = torch.zeros_like(h), []
    for t in range(x.shape[1] - 1, -1, -1):
        steps.append((dh + grad[:, t]) * slopes[:, t])
        dh = steps[-1] @ r
    gates = torch.stack(steps[::-1], 1)
    return gates @ w, dh, _outer(gates, x), _outer(gates, _shifted(h, outputs)), gates.sum((0, 1))


def _slope_of_tanh(outputs: Tensor) -> Tensor:
    return 1 - outputs * outputs


def _slope_of_relu(outputs: Tensor) -> Tensor:
    return (outputs > 0).to(outputs.dtype)


def _shifted(h: Tensor, outputs: Tensor) -> Tensor:
    """(B, T, U): the state before each step."""
    return torch.cat((h.unsqueeze(1), outputs[:, :-1]), 1)


def _outer(gates: Tensor, inputs: Tensor) -> Tensor:
    """The gradient of a weight, summed over batch and time."""
    return gates.flatten(0, 1).t() @ inputs.flatten(0, 1)


def _shape_of_lstm(x: Tensor, h: Tensor, c: Tensor, w: Tensor, r: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty((*x.shape[:2], h.shape[1])), torch.empty_like(c)


def _shape_of_outputs(x: Tensor, h: Tensor, *weights: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:2], h.shape[1]))


def _shapes_of_gradients(grads: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Those of the operands, which stand between the gradients that came and the outputs."""
    operands = tensors[grads:-1]
    return tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in operands)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs, output[0] if isinstance(output, tuple) else output)


def _operators() -> torch.library.Library:
    """Make the operators known to PyTorch; they live as long as what is returned.

    By hand: the decorators of `torch.library` do the same, and load the compiler's machinery, 0.4 s, at once.
    """
    library = torch.library.Library("lamina", "FRAGMENT")
    for name, operands, results, kernel, shapes, backward in (
        ("lstm", "x h c w r b", "outputs c", _lstm, _shape_of_lstm, _lstm_backward),
        ("gru", "x h w r b rb", "outputs", _gru, _shape_of_outputs, _gru_backward),
        ("rnn_tanh", "x h w r b", "outputs", partial(_rnn, torch.rnn_tanh), _shape_of_outputs, _BACK_THROUGH_TANH),
        ("rnn_relu", "x h w r b", "outputs", partial(_rnn, torch.rnn_relu), _shape_of_outputs, _BACK_THROUGH_RELU),
    ):
        grads = [f"grad_{result}" for result in results.split()]
        _define(library, name, operands.split(), len(grads), kernel, shapes)
        inputs = [*grads, *operands.split(), "outputs"]
        gradients = partial(_shapes_of_gradients, len(grads))
        _define(library, f"{name}_backward", inputs, len(operands.split()), backward, gradients)
        run_back = partial(_run_back, getattr(torch.ops.lamina, f"{name}_backward"))
        torch.library.register_autograd(f"lamina::{name}", run_back, setup_context=_keep, lib=library)
    return library


def _define(
    library: torch.library.Library, name: str, operands: list[str], results: int, kernel: Any, shapes: Any
) -> None:
    result = ", ".join(["Tensor"] * results)
    library.define(f"{name}({', '.join(f'Tensor {operand}' for operand in operands)}) -> ({result})")
    library.impl(name, kernel, "CompositeExplicitAutograd")
    library.impl(name, shapes, "Meta")


def _run_back(operator: Any, ctx: Any, *grads: Tensor) -> Any:
    return operator(*grads, *ctx.saved_tensors)


_BACK_THROUGH_TANH = partial(_rnn_backward, _slope_of_tanh)
_BACK_THROUGH_RELU = partial(_rnn_backward, _slope_of_relu)
_LIBRARY = _operators()

# LSTM: x, h, c, w, r, b -> (outputs, last c). GRU: x, h, w, r, b, rb -> outputs. Both RNNs: x, h, w, r, b -> outputs.
lstm = torch.ops.lamina.lstm
gru = torch.ops.lamina.gru
rnn_tanh = torch.ops.lamina.rnn_tanh
rnn_relu = torch.ops.lamina.rnn_relu


def wanted(inputs: Tensor) -> bool:
    """Whether a tracer is at work that would write the steps of these inputs (B, T, F) out one by one, or a trial on
    shapes, where PyTorch takes them one by one too.

    An export sees PyTorch's own operations, which every program can run, unless its time axis is to stay open, which
    they cannot. ONNX has operators for whole sequences.
    """
    if not tracing.is_exporting():
        return inputs.is_meta or tracing.is_compiling_for_use()
    length: Any = inputs.shape[1]
    return isinstance(length, torch.SymInt) and not torch.onnx.is_in_onnx_export()
