"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: long short-term memory over sequences of signals, images and volumes."""

from __future__ import annotations

from typing import Any, ClassVar

from lamina.graph import ShapeError
from lamina.layers.arguments import CHANNELS_LAST
from lamina.layers.geometry import Shape, check_rank, shape_error

from .conv_lstm_cell import ConvLSTM1DCell, ConvLSTM2DCell, ConvLSTM3DCell, ConvLSTMCell
from .of_cell import CellRNN, cell_option, cell_options


class _ConvLSTM(CellRNN):
    """The convolutional LSTM of any rank."""

    cell: ConvLSTMCell
    cell_class: ClassVar[type[ConvLSTMCell]]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = self.cell_class(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            recurrent_activation,
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            unit_forget_bias,
            dropout,
            recurrent_dropout,
            seed,
            **cell_options(kwargs, "conv_lstm_cell"),
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            ndim=cell.rank + 3,
            **kwargs,
        )

    @property
    def features_axis(self) -> int:  # type: ignore[override]
        return -1 if self.data_format == CHANNELS_LAST else 2

    filters = cell_option("filters")
    kernel_size = cell_option("kernel_size")
    strides = cell_option("strides")
    padding = cell_option("padding")
    data_format = cell_option("data_format")
    dilation_rate = cell_option("dilation_rate")
    recurrent_activation = cell_option("recurrent_activation")
    unit_forget_bias = cell_option("unit_forget_bias")

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        self.compute_output_shape(sequences_shape)  # so that a wrong shape is refused in this layer's name
        super().build(sequences_shape, initial_state_shape)

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        check_rank(self, sequences_shape, self.cell.rank + 3)
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def step_shapes(self, step_shape: Shape) -> tuple[Shape, Any]:
        try:
            result: tuple[Shape, Any] = self.cell.compute_output_shape(step_shape)
            return result
        except ShapeError as error:
            raise shape_error(self, step_shape, f"in each step {error.expected}", error.hint) from error

    def blank_states(self, step_shape: Shape) -> Any:
        return self.cell.zeros_for(step_shape)


class ConvLSTM1D(_ConvLSTM):
    """Convolutional LSTM over sequences of signals; arguments and formulas as in `ConvLSTM2D`.

    Input (B, T, L, C), or (B, T, C, L) with `data_format="channels_first"`; output (B, L', filters), with
    `return_sequences` (B, T, L', filters). Weights: `kernel` (k, C, 4*filters), `recurrent_kernel` (k, filters,
    4*filters), `bias` (4*filters,).

    >>> ConvLSTM1D(8, 3, return_sequences=True).compute_output_shape((None, 10, 32, 4))
    (None, 10, 30, 8)
    """

    cell_class = ConvLSTM1DCell


class ConvLSTM2D(_ConvLSTM):
    """Convolutional LSTM over sequences of images (Shi et al. 2015, arXiv:1506.04214, without their peepholes).

    With `*` for a convolution and `a_g = x_t * kernel_g + h * recurrent_kernel_g + bias_g` for each gate g:

        i, f, o = recurrent_activation(a_i), recurrent_activation(a_f), recurrent_activation(a_o)
        c' = f c + i activation(a_c)
        h' = o activation(c')

    Input (B, T, H, W, C), or (B, T, C, H, W) with `data_format="channels_first"`. Output, in the same order, h after
    the last step (B, H', W', filters), or after every one (B, T, H', W', filters) with `return_sequences`; with
    `return_state` a tuple of that, h and c. Where the mask (B, T) is False, the step is skipped. Weights, in the
    layer's `cell`: `kernel` (kh, kw, C, 4*filters), `recurrent_kernel` (kh, kw, filters, 4*filters), `bias`
    (4*filters,), gates in the order i, f, c, o.

    The inputs of all steps are convolved at once; the state, with stride 1 and zeros around it, step by step.

    Args:
        filters: channels of the output and the states.
        kernel_size: of both convolutions; one integer, or one for each spatial axis.
        strides, padding, dilation_rate: of the inputs' convolution, as in `Conv2D`; "valid" or "same".
        data_format: "channels_last" (default) or "channels_first".
        activation, recurrent_activation: of the candidate and the output; of the gates.
        use_bias: add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        unit_forget_bias: the forget gate's bias starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each step of the optimizer.
        dropout, recurrent_dropout: fraction of the inputs, of the states that drop in training, for each gate anew,
            the same at all steps.
        seed: own random numbers for dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, the window is larger than the input, or the initial state
            does not fit.

    >>> ConvLSTM2D(8, 3, padding="same").compute_output_shape((None, 10, 32, 32, 1))
    (None, 32, 32, 8)
    """

    cell_class = ConvLSTM2DCell


class ConvLSTM3D(_ConvLSTM):
    """Convolutional LSTM over sequences of volumes; arguments and formulas as in `ConvLSTM2D`.

    Input (B, T, H, W, D, C), or (B, T, C, H, W, D) with `data_format="channels_first"`; output (B, H', W', D',
    filters), with `return_sequences` (B, T, H', W', D', filters). Weights: `kernel` (kh, kw, kd, C, 4*filters),
    `recurrent_kernel` (kh, kw, kd, filters, 4*filters), `bias` (4*filters,).

    >>> ConvLSTM3D(8, 3, strides=2).compute_output_shape((None, 10, 9, 9, 9, 1))
    (None, 4, 4, 4, 8)
    """

    cell_class = ConvLSTM3DCell
