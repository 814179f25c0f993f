"""The operations that a traced call may consist of, by exact name: PyTorch's that compute tensors from tensors.

A file can hand an operation any arguments, so none is here whose kernel reads or writes past its tensors when these do
not fit: those for one device, most of what PyTorch keeps for itself ("_..."). `lstm` and `gru` are looked at first, and
`empty` gives zeros, since what lies in fresh memory is nobody's business.

Nor are those here that read files, storages or single values into Python, change the memory behind a tensor, or are
for sparse, quantized or named tensors.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina._torch import tracing
from lamina.saving.errors import LoadingError

ATEN = frozenset(
    """
    _assert_tensor_metadata _conj _log_softmax _safe_softmax _softmax _to_copy _unsafe_view
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d abs abs_ absolute absolute_ acos acos_ acosh acosh_ adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d add add_
    addbmm addbmm_ addcdiv addcdiv_ addcmul addcmul_ addmm addmm_ addmv addmv_ addr addr_ adjoint
    affine_grid_generator alias alias_copy all alpha_dropout alpha_dropout_ amax amin aminmax angle any arange
    arccos arccos_ arccosh arccosh_ arcsin arcsin_ arcsinh arcsinh_ arctan arctan2 arctan2_ arctan_ arctanh
    arctanh_ argmax argmin argsort argwhere as_strided asin asin_ asinh asinh_ atan atan2 atan2_ atan_ atanh
    atanh_ atleast_1d atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm baddbmm_ batch_norm
    bernoulli bernoulli_ bilinear binary_cross_entropy binary_cross_entropy_with_logits bincount binomial
    bitwise_and bitwise_and_ bitwise_left_shift bitwise_left_shift_ bitwise_not bitwise_not_ bitwise_or
    bitwise_or_ bitwise_right_shift bitwise_right_shift_ bitwise_xor bitwise_xor_ block_diag bmm
    broadcast_tensors broadcast_to bucketize cartesian_prod cat cdist ceil ceil_ celu celu_ channel_shuffle
    cholesky cholesky_inverse cholesky_solve chunk clamp clamp_ clamp_max clamp_max_ clamp_min clamp_min_ clip
    clip_ clone col2im column_stack combinations complex concat concatenate conj conj_physical conj_physical_
    constant_pad_nd contiguous conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d
    convolution copy copy_ copysign copysign_ corrcoef cos cos_ cosh cosh_ cosine_embedding_loss
    cosine_similarity count_nonzero cov cross cross_entropy_loss cummax cummin cumprod cumprod_ cumsum cumsum_
    cumulative_trapezoid deg2rad deg2rad_ det detach detach_ detach_copy diag diag_embed diagflat diagonal
    diagonal_copy diagonal_scatter diff digamma digamma_ dist div div_ divide divide_ dot dropout dropout_
    dsplit dstack einsum elu elu_ embedding embedding_bag empty empty_like eq eq_ erf erf_ erfc erfc_ erfinv
    erfinv_ exp exp2 exp2_ exp_ expand expand_as expand_copy expm1 expm1_ exponential_ eye feature_alpha_dropout
    feature_alpha_dropout_ feature_dropout feature_dropout_ fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift
    fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_ihfft fft_irfft fft_irfft2 fft_irfftn fft_rfft
    fft_rfft2 fft_rfftfreq fft_rfftn fill_ fix fix_ flatten flip fliplr flipud float_power float_power_ floor
    floor_ floor_divide floor_divide_ fmax fmin fmod fmod_ frac frac_ frexp frobenius_norm full full_like gather
    gcd gcd_ ge ge_ gelu gelu_ ger glu gradient greater greater_ greater_equal greater_equal_ grid_sampler
    grid_sampler_2d grid_sampler_3d group_norm gru gt gt_ hardshrink hardsigmoid hardsigmoid_ hardswish
    hardswish_ hardtanh hardtanh_ heaviside heaviside_ hinge_embedding_loss histc histogram hsplit hstack
    huber_loss hypot hypot_ i0 i0_ igamma igamma_ igammac igammac_ im2col imag index index_add index_add_
    index_copy index_copy_ index_fill index_fill_ index_put index_put_ index_reduce index_reduce_ index_select
    inner instance_norm inverse is_contiguous isclose isfinite isin isinf isnan isneginf isposinf isreal istft
    kl_div kron kthvalue l1_loss layer_norm lcm lcm_ ldexp ldexp_ le le_ leaky_relu leaky_relu_ lerp lerp_ less
    less_ less_equal less_equal_ lgamma lgamma_ lift lift_fresh lift_fresh_copy linalg_cholesky linalg_cross
    linalg_det linalg_diagonal linalg_lu linalg_matmul linalg_matrix_exp linalg_matrix_power linalg_norm
    linalg_qr linalg_slogdet linalg_svd linear linspace log log10 log10_ log1p log1p_ log2 log2_ log_
    log_sigmoid log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and logical_and_ logical_not
    logical_not_ logical_or logical_or_ logical_xor logical_xor_ logit logit_ logspace logsumexp lstm lt lt_
    margin_ranking_loss masked_fill masked_fill_ masked_scatter masked_scatter_ masked_select matmul matrix_exp
    matrix_power max max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices max_unpool2d max_unpool3d maximum mean median meshgrid min minimum mish mish_ mm
    mode moveaxis movedim mse_loss msort mul mul_ multi_margin_loss multilabel_margin_loss multinomial multiply
    multiply_ mv mvlgamma mvlgamma_ nan_to_num nan_to_num_ nanmean nanmedian nansum narrow narrow_copy
    native_dropout native_group_norm native_layer_norm ne ne_ neg neg_ negative negative_ new_empty new_full
    new_ones new_zeros nextafter nextafter_ nll_loss nll_loss2d nll_loss_nd nonzero norm norm_except_dim normal
    normal_ not_equal not_equal_ nuclear_norm one_hot ones ones_like outer pad pairwise_distance pdist permute
    permute_copy pinverse pixel_shuffle pixel_unshuffle poisson poisson_nll_loss polar polygamma polygamma_
    positive pow pow_ prelu prod qr rad2deg rad2deg_ rand rand_like randint randint_like randn randn_like
    random_ randperm ravel real reciprocal reciprocal_ reflection_pad1d reflection_pad2d reflection_pad3d relu
    relu6 relu6_ relu_ remainder remainder_ renorm renorm_ repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d reshape reshape_as resolve_conj resolve_neg rms_norm roll rot90 round
    round_ row_stack rrelu rrelu_ rsqrt rsqrt_ rsub scalar_tensor scaled_dot_product_attention scatter scatter_
    scatter_add scatter_add_ scatter_reduce scatter_reduce_ searchsorted select select_copy select_scatter selu
    selu_ sgn sgn_ sigmoid sigmoid_ sign sign_ signbit silu silu_ sin sin_ sinc sinc_ sinh sinh_ slice
    slice_copy slice_inverse slice_scatter slogdet smooth_l1_loss soft_margin_loss softmax softplus softshrink
    sort special_digamma special_erf special_erfc special_erfinv special_exp2 special_expm1 special_i0
    special_log1p special_log_softmax special_logit special_logsumexp special_polygamma special_round
    special_sinc special_softmax special_xlogy split split_copy split_with_sizes split_with_sizes_copy sqrt
    sqrt_ square square_ squeeze squeeze_ squeeze_copy stack std std_mean stft sub sub_ subtract subtract_ sum
    sum_to_size svd swapaxes swapaxes_ swapdims swapdims_ sym_numel sym_size sym_stride t t_ t_copy take
    take_along_dim tan tan_ tanh tanh_ tensor_split tensordot threshold threshold_ tile to topk trace transpose
    transpose_ transpose_copy trapezoid trapz triangular_solve tril tril_ tril_indices triplet_margin_loss triu
    triu_ triu_indices true_divide true_divide_ trunc trunc_ type_as unbind unbind_copy unflatten unfold
    unfold_copy uniform uniform_ unique_consecutive unsqueeze unsqueeze_ unsqueeze_copy upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
    upsample_trilinear3d values_copy var var_mean vdot view view_as view_as_complex view_as_complex_copy
    view_as_real view_as_real_copy view_copy vsplit vstack where xlogy xlogy_ zero_ zeros zeros_like
    """.split()
)

# The class of `torch.ops.aten.relu.default` and its like.
_Overload = type(torch.ops.aten.empty.memory_format)

# From here on results have gradients, or none.
GRADIENTS = "torch.set_grad_enabled"

# Sizes are computed with these, and results of several tensors taken apart.
_ON_SIZES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{f"operator.{name}": getattr(operator, name) for name in (
            "add sub mul truediv floordiv mod neg getitem eq ne lt le gt ge and_ or_ not_"
        ).split()},
        GRADIENTS: torch.set_grad_enabled,
        "torch.sym_float": torch.sym_float, "torch.sym_int": torch.sym_int, "torch.sym_max": torch.sym_max,
        "torch.sym_min": torch.sym_min, "torch.sym_not": torch.sym_not,
    }
)  # fmt: skip


def _zeros(like: Callable[..., Any]) -> Callable[..., Any]:
    def zeros(*args: Any, **kwargs: Any) -> Any:
        return like(*args, **kwargs).zero_()

    return zeros


def _checked_recurrence(kernel: Callable[..., Any], gates: int) -> Callable[..., Any]:
    """PyTorch's fused recurrent kernels look at the shapes of neither states nor weights."""

    def run(data: Any, states: Any, weights: Any, biases: Any, layers: Any, *more: Any) -> Any:
        first = states[0] if isinstance(states, (list, tuple)) else states
        directions = 2 if more[2] else 1
        batch, width, units = data.shape[0 if more[3] else 1], data.shape[-1], first.shape[-1]
        shapes = []
        for layer in range(layers):
            size = width if layer == 0 else units * directions
            one = [(gates * units, size), (gates * units, units), *[(gates * units,)] * (2 if biases else 0)]
            shapes += one * directions
        all_states = states if isinstance(states, (list, tuple)) else [states]
        fits = data.dim() == 3 and [tuple(w.shape) for w in weights] == shapes
        if not fits or any(tuple(s.shape) != (layers * directions, batch, units) for s in all_states):
            raise ValueError("weights or states that do not fit a recurrent layer")
        return kernel(data, states, weights, biases, layers, *more)

    return run


_GUARDED: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "aten.lstm.input": _checked_recurrence(torch.ops.aten.lstm.input, 4),
        "aten.gru.input": _checked_recurrence(torch.ops.aten.gru.input, 3),
        # A view where it can be one: attention may lay its results out otherwise where it was traced (PyTorch 2.11).
        "aten.view.default": torch.ops.aten.reshape.default,
        "aten.empty.memory_format": _zeros(torch.ops.aten.empty.memory_format),
        "aten.empty_like.default": _zeros(torch.ops.aten.empty_like.default),
        "aten.new_empty.default": _zeros(torch.ops.aten.new_empty.default),
    }
)
_UNGUARDED = ("lstm", "gru", "empty", "empty_like", "new_empty")
_NAMES = MappingProxyType({function: name for name, function in _ON_SIZES.items()})


def is_operator(target: Any) -> bool:
    """Whether it is one operator of PyTorch's, as `torch.ops.aten.add.Tensor` is; prints as ``aten.add.Tensor``."""
    return isinstance(target, _Overload)


def name_of_operation(target: Any) -> str | None:
    """``"aten.relu.default"``, ``"operator.add"``; None for one that is not allowed.

    >>> name_of_operation(torch.ops.aten.relu.default), name_of_operation(torch.ops.aten.from_file.default)
    ('aten.relu.default', None)
    """
    if is_operator(target):
        space, base, _ = str(target).split(".")
        return str(target) if space == "aten" and base in ATEN else None
    return GRADIENTS if target in tracing.SET_GRADIENTS else _NAMES.get(target)


def operation_of_name(name: Any) -> Callable[..., Any]:
    """Reverse of `name_of_operation`.

    Raises:
        LoadingError: no operation that is allowed has exactly this name.
    """
    if type(name) is str and name in _ON_SIZES:
        return _ON_SIZES[name]
    if type(name) is str and name in _GUARDED:
        return _GUARDED[name]
    space, base, overload = name.split(".") if type(name) is str and name.count(".") == 2 else ("", "", "")
    if space != "aten" or base not in ATEN or base in _UNGUARDED or not hasattr(torch.ops.aten, base):
        raise LoadingError(f"A traced call holds an operation that is not allowed: {name!r:.80}.")
    packet = getattr(torch.ops.aten, base)
    if overload not in packet.overloads():
        raise LoadingError(f"PyTorch has no operation {name!r:.80}.", hint="the PyTorch that wrote the file, or newer")
    result: Callable[..., Any] = getattr(packet, overload)
    return result
