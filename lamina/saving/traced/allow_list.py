"""The operations that a traced call may consist of, by exact name: PyTorch's that compute tensors from tensors.

Overloads are listed, not base names: PyTorch has overloads on plain numbers, strings and lists for TorchScript.

A file can hand an operation any arguments, so none is here whose kernel reads or writes past its tensors when these do
not fit: those for one device, most of what PyTorch keeps for itself ("_..."). `lstm` and `gru` are looked at first, and
`empty` gives zeros, since what lies in fresh memory is nobody's business.

Nor are those here that read files, storages or single values into Python, change the memory behind a tensor, or are
for sparse, quantized or named tensors.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina._torch import tracing, weight_norm
from lamina.probing.recurrent import results_on_shapes
from lamina.saving.errors import LoadingError
from lamina.saving.limits import in_parts, on_numbers, takes_apart

# A base name alone means the overload "default"; behind a colon stand the overloads, "-" for "default". Among those
# that are not here are divisions of plain whole numbers, which end the process where the divisor is 0.
_OVERLOADS = """
    __and__:Tensor,Scalar __iand__:Tensor,Scalar __ior__:Tensor,Scalar __ixor__:Tensor,Scalar __lshift__:Tensor,Scalar
    __or__:Tensor,Scalar __rshift__:Tensor,Scalar __xor__:Tensor,Scalar _assert_tensor_metadata _conj
    _log_softmax:-,out _safe_softmax _sample_dirichlet _softmax:-,out _standard_gamma _to_copy _unsafe_view
    _upsample_bicubic2d_aa:-,vec,out _upsample_bilinear2d_aa:-,vec,out _upsample_nearest_exact1d:-,out,vec
    _upsample_nearest_exact2d:-,out,vec _upsample_nearest_exact3d:-,out,vec _weight_norm abs:-,out abs_ absolute:-,out
    absolute_ acos:-,out acos_ acosh:-,out acosh_ adaptive_avg_pool1d adaptive_avg_pool2d:-,out
    adaptive_avg_pool3d:-,out adaptive_max_pool1d adaptive_max_pool2d:-,out adaptive_max_pool3d:-,out
    add:Tensor,Scalar,out add_:Tensor,Scalar addbmm:-,out addbmm_ addcdiv:-,out addcdiv_ addcmul:-,out addcmul_
    addmm:-,out,dtype_out,dtype addmm_ addmv:-,out addmv_ addr:-,out addr_ adjoint affine_grid_generator alias
    alias_copy all:-,dim,dims,out,dims_out,all_out alpha_dropout alpha_dropout_ amax:-,out amin:-,out aminmax:-,out
    angle:-,out any:-,dim,dims,out,dims_out,all_out arange:-,start,start_step,start_out,out arccos:-,out arccos_
    arccosh:-,out arccosh_ arcsin:-,out arcsin_ arcsinh:-,out arcsinh_ arctan:-,out arctan2:-,out arctan2_ arctan_
    arctanh:-,out arctanh_ argmax:-,out argmin:-,out argsort:-,stable,stable_out argwhere as_strided asin:-,out asin_
    asinh:-,out asinh_ atan:-,out atan2:-,out atan2_ atan_ atanh:-,out atanh_ atleast_1d:-,Sequence
    atleast_2d:-,Sequence atleast_3d:-,Sequence avg_pool1d avg_pool2d:-,out avg_pool3d:-,out
    baddbmm:-,out,dtype_out,dtype baddbmm_ bartlett_window:-,periodic batch_norm bernoulli:-,out,p,Tensor
    bernoulli_:Tensor,float bilinear binary_cross_entropy:-,out binary_cross_entropy_with_logits bincount binomial
    bitwise_and:Tensor,Scalar,Scalar_Tensor,Tensor_out,Scalar_out bitwise_and_:Tensor,Scalar
    bitwise_left_shift:Tensor,Tensor_Scalar,Scalar_Tensor,Tensor_out,Tensor_Scalar_out
    bitwise_left_shift_:Tensor_Scalar,Tensor bitwise_not:-,out bitwise_not_
    bitwise_or:Tensor,Scalar,Scalar_Tensor,Tensor_out,Scalar_out bitwise_or_:Tensor,Scalar
    bitwise_right_shift:Tensor,Tensor_Scalar,Scalar_Tensor,Tensor_out,Tensor_Scalar_out
    bitwise_right_shift_:Tensor_Scalar,Tensor bitwise_xor:Tensor,Scalar,Scalar_Tensor,Tensor_out,Scalar_out
    bitwise_xor_:Tensor,Scalar blackman_window:-,periodic block_diag bmm:-,out,dtype_out,dtype broadcast_tensors
    broadcast_to bucketize:Tensor,Scalar,Tensor_out cartesian_prod cat:-,out cauchy_ cdist ceil:-,out ceil_ celu celu_
    chain_matmul channel_shuffle cholesky:-,out cholesky_inverse:-,out cholesky_solve:-,out chunk
    clamp:-,Tensor,out,Tensor_out clamp_:-,Tensor clamp_max:-,Tensor,out,Tensor_out clamp_max_:-,Tensor
    clamp_min:-,Tensor,out,Tensor_out clamp_min_:-,Tensor clip:-,Tensor,out,Tensor_out clip_:-,Tensor clone
    col2im:-,out column_stack:-,out combinations complex:-,out concat:-,out concatenate:-,out conj conj_physical:-,out
    conj_physical_ constant_pad_nd contiguous conv1d:-,padding conv2d:-,padding conv3d:-,padding conv_tbc
    conv_transpose1d conv_transpose2d:input conv_transpose3d:input convolution copy copy_:-,Tensor
    copysign:Tensor,Scalar,out,Scalar_out copysign_:Tensor,Scalar corrcoef cos:-,out cos_ cosh:-,out cosh_
    cosine_embedding_loss cosine_similarity count_nonzero:-,dim_IntList cov cross:-,out cross_entropy_loss cummax:-,out
    cummin:-,out cumprod:-,out cumprod_ cumsum:-,out cumsum_ cumulative_trapezoid:x,dx deg2rad:-,out deg2rad_ det
    detach detach_ detach_copy diag:-,out diag_embed diagflat diagonal diagonal_copy diagonal_scatter diff:-,out
    digamma:-,out digamma_ dist div:Tensor,Scalar,Tensor_mode,Scalar_mode,out,out_mode
    div_:Tensor,Tensor_mode,Scalar,Scalar_mode divide:Tensor,Scalar,Tensor_mode,Scalar_mode,out,out_mode
    divide_:Tensor,Tensor_mode,Scalar_mode,Scalar dot:-,out dropout dropout_ dsplit:int,array dstack:-,out
    einsum:-,sublist elu:-,out elu_ embedding embedding_bag:-,padding_idx empty:memory_format empty_like
    eq:Tensor,Scalar,Scalar_out,Tensor_out eq_:Scalar,Tensor erf:-,out erf_ erfc:-,out erfc_ erfinv:-,out erfinv_
    exp:-,out exp2:-,out exp2_ exp_ expand expand_as expand_copy expm1:-,out expm1_ exponential_ eye:-,m,out,m_out
    feature_alpha_dropout feature_alpha_dropout_ feature_dropout feature_dropout_ fft_fft:-,out fft_fft2:-,out
    fft_fftfreq:-,out fft_fftn:-,out fft_fftshift fft_hfft:-,out fft_hfft2 fft_hfftn fft_ifft:-,out fft_ifft2:-,out
    fft_ifftn:-,out fft_ifftshift fft_ihfft:-,out fft_ihfft2 fft_ihfftn fft_irfft:-,out fft_irfft2:-,out
    fft_irfftn:-,out fft_rfft:-,out fft_rfft2:-,out fft_rfftfreq:-,out fft_rfftn:-,out fill:Scalar,Tensor
    fill_:Scalar,Tensor fill_diagonal_ fix:-,out fix_ flatten:using_ints flip fliplr flipud
    float_power:Tensor_Tensor,Tensor_Scalar,Scalar,Tensor_Tensor_out,Scalar_out,Tensor_Scalar_out
    float_power_:Tensor,Scalar floor:-,out floor_ floor_divide:-,Scalar,out floor_divide_:Tensor,Scalar fmax:-,out
    fmin:-,out fmod:Tensor,Scalar,Tensor_out,Scalar_out fmod_:Tensor,Scalar frac:-,out frac_ frexp:Tensor,Tensor_out
    frobenius_norm:dim,out full:-,out full_like gather:-,out gcd:-,out gcd_ ge:Tensor,Scalar,Scalar_out,Tensor_out
    ge_:Scalar,Tensor gelu:-,out gelu_ geometric_ ger:-,out glu:-,out
    gradient:scalarint,scalararray,array,scalarrayint,scalarrayarray,tensorarrayint,tensorarray
    greater:Tensor,Scalar,Scalar_out,Tensor_out greater_:Scalar,Tensor
    greater_equal:Tensor,Scalar,Scalar_out,Tensor_out greater_equal_:Scalar,Tensor grid_sampler grid_sampler_2d
    grid_sampler_3d group_norm gru:input gru_cell gt:Tensor,Scalar,Scalar_out,Tensor_out gt_:Scalar,Tensor
    hamming_window:-,periodic,periodic_alpha,periodic_alpha_beta hann_window:-,periodic hardshrink:-,out
    hardsigmoid:-,out hardsigmoid_ hardswish:-,out hardswish_ hardtanh:-,out hardtanh_ heaviside:-,out heaviside_
    hinge_embedding_loss histc:-,out histogram:bins_tensor,bins_tensor_out,bin_ct,bin_ct_out hsplit:int,array
    hstack:-,out huber_loss:-,out hypot:-,out hypot_ i0:-,out i0_ igamma:-,out igamma_ igammac:-,out igammac_
    im2col:-,out imag index:Tensor,Tensor_out index_add:-,out index_add_ index_copy:-,out index_copy_
    index_fill:int_Tensor,int_Scalar index_fill_:int_Tensor,int_Scalar index_put index_put_ index_reduce:-,out
    index_reduce_ index_select:-,out inner:-,out instance_norm inverse:-,out is_contiguous:-,memory_format isclose
    isfinite isin:Tensor_Tensor,Tensor_Tensor_out,Tensor_Scalar,Tensor_Scalar_out,Scalar_Tensor,Scalar_Tensor_out isinf
    isnan isneginf:-,out isposinf:-,out isreal istft kaiser_window:-,periodic,beta kl_div kron:-,out kthvalue:-,values
    l1_loss layer_norm lcm:-,out lcm_ ldexp:Tensor,out ldexp_ le:Tensor,Scalar,Scalar_out,Tensor_out le_:Scalar,Tensor
    leaky_relu:-,out leaky_relu_ lerp:Scalar,Tensor,Scalar_out,Tensor_out lerp_:Scalar,Tensor
    less:Tensor,Scalar,Scalar_out,Tensor_out less_:Scalar,Tensor less_equal:Tensor,Scalar,Scalar_out,Tensor_out
    less_equal_:Scalar,Tensor lgamma:-,out lgamma_ lift lift_fresh lift_fresh_copy linalg_cholesky:-,out
    linalg_cholesky_ex linalg_cond:-,p_str linalg_cross:-,out linalg_det:-,out linalg_diagonal linalg_eig linalg_eigh
    linalg_eigvals linalg_eigvalsh linalg_inv linalg_inv_ex linalg_lstsq linalg_lu:-,out linalg_lu_factor
    linalg_lu_factor_ex linalg_matmul:-,out linalg_matrix_exp linalg_matrix_norm:-,str_ord linalg_matrix_power:-,out
    linalg_matrix_rank:-,tol_tensor,atol_rtol_tensor,atol_rtol_float linalg_multi_dot
    linalg_norm:-,ord_str,out,ord_str_out linalg_pinv:-,atol_rtol_float,atol_rtol_tensor,rcond_tensor linalg_qr:-,out
    linalg_slogdet:-,out linalg_solve linalg_solve_ex linalg_solve_triangular linalg_svd:-,U linalg_svdvals
    linalg_tensorinv linalg_tensorsolve linalg_vander linalg_vecdot linalg_vector_norm linear:-,out
    linspace:Tensor_Tensor,Tensor_Scalar,Scalar_Tensor,-,out,Tensor_Tensor_out,Tensor_Scalar_out,Scalar_Tensor_out
    log:-,out log10:-,out log10_ log1p:-,out log1p_ log2:-,out log2_ log_ log_normal_ log_sigmoid:-,out
    log_softmax:int,int_out logaddexp:-,out logaddexp2:-,out logcumsumexp:-,out logdet logical_and:-,out logical_and_
    logical_not:-,out logical_not_ logical_or:-,out logical_or_ logical_xor:-,out logical_xor_ logit:-,out logit_
    logspace:Tensor_Tensor,Tensor_Scalar,Scalar_Tensor,-,out,Tensor_Tensor_out,Tensor_Scalar_out,Scalar_Tensor_out
    logsumexp:-,out lstm:input lstm_cell lt:Tensor,Scalar,Scalar_out,Tensor_out lt_:Scalar,Tensor mH mT
    margin_ranking_loss masked_fill:Scalar,Tensor masked_fill_:Scalar,Tensor masked_scatter masked_scatter_
    masked_select:-,out matmul:-,out matrix_H matrix_exp matrix_power:-,out max:other,-,dim,dim_max,unary_out,out
    max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices:-,out max_pool3d
    max_pool3d_with_indices:-,out max_unpool2d:-,out max_unpool3d:-,out maximum:-,out mean:-,dim,out,dtype_out
    median:-,dim,dim_values meshgrid:-,indexing min:other,-,dim,dim_min,unary_out,out minimum:-,out mish:-,out mish_
    mm:-,out,dtype_out,dtype mode:-,values moveaxis:intlist,int movedim:int,intlist mse_loss:-,out msort:-,out
    mul:Tensor,Scalar,out mul_:Tensor,Scalar multi_margin_loss:-,out multilabel_margin_loss:-,out multinomial:-,out
    multiply:Tensor,Scalar,out multiply_:Tensor,Scalar mv:-,out mvlgamma:-,out mvlgamma_ nan_to_num:-,out nan_to_num_
    nanmean:-,out nanmedian:-,dim,dim_values nanquantile:-,scalar nansum:-,out narrow:-,Tensor narrow_copy:-,out
    native_dropout native_group_norm native_layer_norm ne:Tensor,Scalar,Scalar_out,Tensor_out ne_:Scalar,Tensor
    neg:-,out neg_ negative:-,out negative_ new_empty new_full new_ones new_zeros nextafter:-,out nextafter_
    nll_loss:-,out nll_loss2d:-,out nll_loss_nd nonzero:-,out
    norm:Scalar,ScalarOpt_dim,ScalarOpt_dim_dtype,dtype_out,out,ScalarOpt_dtype norm_except_dim
    normal:Tensor_float,Tensor_float_out,float_Tensor_out,float_Tensor,Tensor_Tensor,Tensor_Tensor_out,float_float,float_float_out
    normal_ not_equal:Tensor,Scalar,Scalar_out,Tensor_out not_equal_:Scalar,Tensor nuclear_norm:-,dim,out,dim_out
    numpy_T one_hot ones:-,out ones_like outer:-,out pad pad_sequence pairwise_distance pdist permute permute_copy
    pinverse pixel_shuffle pixel_unshuffle poisson poisson_nll_loss polar:-,out polygamma:-,out polygamma_ positive
    pow:Tensor_Tensor,Tensor_Scalar,Scalar,Tensor_Tensor_out,Scalar_out,Tensor_Scalar_out pow_:Scalar,Tensor prelu
    prod:-,dim_int,int_out qr:-,Q quantile:-,scalar rad2deg:-,out rad2deg_ rand:-,out rand_like
    randint:-,low,out,low_out randint_like:-,Tensor,low_dtype randn:-,out randn_like random_:from,to,- randperm:-,out
    ravel real reciprocal:-,out reciprocal_ reflection_pad1d:-,out reflection_pad2d:-,out reflection_pad3d:-,out relu
    relu6 relu6_ relu_ remainder:Tensor,Scalar,Scalar_Tensor,Tensor_out,Scalar_out remainder_:Tensor,Scalar
    renorm:-,out renorm_ repeat repeat_interleave:Tensor,self_Tensor,self_int replication_pad1d:-,out
    replication_pad2d:-,out replication_pad3d:-,out reshape reshape_as resolve_conj resolve_neg rms_norm rnn_relu:input
    rnn_relu_cell rnn_tanh:input rnn_tanh_cell roll rot90 round:-,decimals,out,decimals_out round_:-,decimals
    row_stack:-,out rrelu rrelu_ rsqrt:-,out rsqrt_ rsub:Tensor,Scalar scalar_tensor scaled_dot_product_attention
    scatter:value,src,reduce,value_reduce,src_out,value_out,reduce_out,value_reduce_out
    scatter_:src,value,reduce,value_reduce scatter_add:-,out scatter_add_ scatter_reduce:two,two_out
    scatter_reduce_:two searchsorted:Tensor,Tensor_out,Scalar,Scalar_out select:int select_copy:int select_scatter selu
    selu_ sgn:-,out sgn_ sigmoid:-,out sigmoid_ sign:-,out sign_ signbit:-,out silu:-,out silu_ sin:-,out sin_
    sinc:-,out sinc_ sinh:-,out sinh_ slice:Tensor slice_copy:Tensor slice_inverse slice_scatter slogdet:-,out
    smooth_l1_loss:-,out soft_margin_loss:-,out softmax:int,int_out softplus:-,out softshrink:-,out
    sort:-,stable,values_stable,values special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1
    special_digamma:-,out special_entr special_erf:-,out special_erfc:-,out special_erfcx special_erfinv:-,out
    special_exp2:-,out special_expit special_expm1:-,out special_gammainc special_gammaincc special_gammaln
    special_i0:-,out special_i0e special_i1 special_i1e special_log1p:-,out special_log_ndtr special_log_softmax
    special_logit:-,out special_logsumexp:-,out special_multigammaln special_ndtr special_ndtri special_polygamma:-,out
    special_psi special_round:-,out special_sinc:-,out special_softmax special_xlog1py:-,other_scalar,self_scalar
    special_xlogy:-,other_scalar,self_scalar,out,self_scalar_out,other_scalar_out
    special_zeta:-,other_scalar,self_scalar split:Tensor,sizes,- split_copy:Tensor split_with_sizes
    split_with_sizes_copy sqrt:-,out sqrt_ square:-,out square_ squeeze:-,dim,dims squeeze_:-,dim,dims
    squeeze_copy:-,dim,dims stack:-,out std:-,dim,correction,correction_out,out std_mean:-,dim,correction stft:-,center
    sub:Tensor,Scalar,out sub_:Tensor,Scalar subtract:Tensor,out,Scalar subtract_:Tensor,Scalar
    sum:dim_IntList,-,IntList_out sum_to_size svd:-,U swapaxes swapaxes_ swapdims swapdims_ sym_numel sym_size:int,-
    sym_stride:int,- t t_ t_copy take:-,out take_along_dim:-,out tan:-,out tan_ tanh:-,out tanh_
    tensor_split:sections,indices,tensor_indices_or_sections tensordot:-,out threshold:-,out threshold_ tile
    to:device,dtype,other,dtype_layout topk:-,values trace transpose:int transpose_ transpose_copy:int trapezoid:x,dx
    trapz:x,dx triangular_solve:-,X tril:-,out tril_ tril_indices triplet_margin_loss triu:-,out triu_ triu_indices
    true_divide:Tensor,Scalar,out true_divide_:Tensor,Scalar trunc:-,out trunc_ type_as unbind:int unbind_copy:int
    unflatten:int unfold unfold_copy uniform uniform_ unique_consecutive unsafe_chunk unsafe_split:Tensor
    unsafe_split_with_sizes unsqueeze unsqueeze_ unsqueeze_copy upsample_bicubic2d:-,vec,out
    upsample_bilinear2d:-,vec,out upsample_linear1d:-,vec,out upsample_nearest1d:-,vec,out upsample_nearest2d:-,vec,out
    upsample_nearest3d:-,vec,out upsample_trilinear3d:-,vec,out values_copy vander
    var:-,dim,correction,correction_out,out var_mean:-,dim,correction vdot:-,out view:-,dtype view_as view_as_complex
    view_as_complex_copy view_as_real view_as_real_copy view_copy:-,dtype vsplit:int,array vstack:-,out
    where:self,ScalarOther,ScalarSelf,Scalar,-,self_out
    xlogy:Tensor,Scalar_Other,Scalar_Self,OutTensor,OutScalar_Self,OutScalar_Other xlogy_:Tensor,Scalar_Other zero_
    zeros:-,out zeros_like
"""


def _names(table: str) -> frozenset[str]:
    pairs = [word.partition(":")[::2] for word in table.split()]
    overloads = [(base, overload) for base, listed in pairs for overload in (listed or "-").split(",")]
    return frozenset(f"aten.{base}.{'default' if overload == '-' else overload}" for base, overload in overloads)


ATEN = _names(_OVERLOADS)

# Draws of Lamina's own from a seed that is a tensor, as a SeedGenerator gives it.
DRAWS = frozenset(
    f"lamina.random_{name}.default" for name in "uniform normal integers categorical binomial gamma beta".split()
)
# Whole recurrences of Lamina's own, which an open time axis is traced into: operand after operand, then the gates.
_RECURRENCES = {
    "lstm": ("x h c w r b", 4),
    "gru": ("x h w r b rb", 3),
    "rnn_tanh": ("x h w r b", 1),
    "rnn_relu": ("x h w r b", 1),
}
OPERATORS = ATEN | DRAWS | {f"lamina.{name}.default" for name in _RECURRENCES}

# The class of `torch.ops.aten.relu.default` and its like.
_Overload = type(torch.ops.aten.empty.memory_format)

# From here on results have gradients, or none.
GRADIENTS = "torch.set_grad_enabled"

# Sizes are computed with these, and results of several tensors taken apart.
_ON_SIZES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **{f"operator.{name}": getattr(operator, name) for name in (
            "add sub mul truediv floordiv mod pow neg getitem eq ne lt le gt ge and_ or_ not_"
        ).split()},
        "math.ceil": math.ceil, "math.floor": math.floor, "math.trunc": math.trunc,
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
        if len(weights) != layers * directions * (4 if biases else 2):
            raise ValueError("weights or states that do not fit a recurrent layer")
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
        if data.is_meta:  # on shapes PyTorch would take every step, a tenth of a second each
            return results_on_shapes(data, all_states, directions == 2)
        return kernel(data, states, weights, biases, layers, *more)

    return run


def _checked_whole_recurrence(name: str) -> Callable[..., Any]:
    """The same kernels in Lamina's operators."""
    operands, gates = _RECURRENCES[name]

    def run(*given: Any) -> Any:
        named = dict(zip(operands.split(), given, strict=True))
        x, h = named["x"], named["h"]
        units = h.shape[-1]
        due: dict[str, tuple[int, ...]] = {
            "h": (x.shape[0], units),
            "w": (gates * units, x.shape[-1]),
            "r": (gates * units, units),
        }
        due |= {"c": due["h"], "b": (gates * units,), "rb": (gates * units,)}
        if x.dim() != 3 or any(tuple(value.shape) != due[key] for key, value in named.items() if key != "x"):
            raise ValueError("weights or states that do not fit a recurrent layer")
        if torch.compiler.is_compiling() or x.is_meta:  # on shapes PyTorch would take every step
            return getattr(torch.ops.lamina, name).default(*given)
        # What the layer runs where no tracer is at work: recorded, one row is rounded otherwise than in the operator.
        states = [named[key].unsqueeze(0) for key in ("h", "c") if key in named]
        weights = [named["w"], named["r"], named["b"], named.get("rb", torch.zeros_like(named["b"]))]
        kernel = getattr(torch, name)
        first = tuple(states) if len(states) > 1 else states[0]
        outputs, *last = kernel(x, first, weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return (outputs, last[1].reshape(due["c"])) if name == "lstm" else outputs

    return run


def _checked_weight_norm(v: Any, g: Any, dim: Any = 0) -> Any:
    """PyTorch's kernel for the first and the last axis does not look at the shape of the lengths, and divides by it."""
    if not v.numel() or (dim in (0, v.dim() - 1) and (not v.dim() or g.numel() != v.shape[dim])):
        raise ValueError("lengths that do not fit a weight's axis")
    return weight_norm.scaled(v, g, dim)


_GUARDED: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "aten.lstm.input": _checked_recurrence(torch.ops.aten.lstm.input, 4),
        "aten.gru.input": _checked_recurrence(torch.ops.aten.gru.input, 3),
        "aten.rnn_tanh.input": _checked_recurrence(torch.ops.aten.rnn_tanh.input, 1),
        "aten.rnn_relu.input": _checked_recurrence(torch.ops.aten.rnn_relu.input, 1),
        "aten._weight_norm.default": _checked_weight_norm,
        **{f"lamina.{name}.default": _checked_whole_recurrence(name) for name in _RECURRENCES},
        # A view where it can be one: attention may lay its results out otherwise where it was traced (PyTorch 2.11).
        "aten.view.default": torch.ops.aten.reshape.default,
        "aten.empty.memory_format": _zeros(torch.ops.aten.empty.memory_format),
        "aten.empty_like.default": _zeros(torch.ops.aten.empty_like.default),
        "aten.new_empty.default": _zeros(torch.ops.aten.new_empty.default),
    }
)
_NUMERIC = MappingProxyType(
    {
        name: on_numbers(name.rpartition(".")[2], function)
        for name, function in _ON_SIZES.items()
        if name not in (GRADIENTS, "operator.getitem")
    }
)
_NAMES = MappingProxyType({function: name for name, function in _ON_SIZES.items()})


def _item(values: Any, place: Any) -> Any:
    """One of several results."""
    if not isinstance(values, (tuple, list)) or type(place) is not int:
        raise TypeError(f"a {type(values).__name__} has no result number {place!r:.80}")
    return values[place]


def is_operator(target: Any) -> bool:
    """Whether it is one operator of PyTorch's, as `torch.ops.aten.add.Tensor` is; prints as ``aten.add.Tensor``."""
    return isinstance(target, _Overload)


def name_of_operation(target: Any) -> str | None:
    """``"aten.relu.default"``, ``"operator.add"``; None for one that is not allowed.

    >>> name_of_operation(torch.ops.aten.relu.default), name_of_operation(torch.ops.aten.from_file.default)
    ('aten.relu.default', None)
    """
    if is_operator(target):
        return str(target) if str(target) in OPERATORS else None
    return GRADIENTS if target in tracing.SET_GRADIENTS else _NAMES.get(target)


def operation_of_name(name: Any) -> Callable[..., Any]:
    """Reverse of `name_of_operation`.

    Raises:
        LoadingError: no operation that is allowed has exactly this name.
    """
    if type(name) is str and name in _NUMERIC:
        return _NUMERIC[name]
    if name == GRADIENTS:
        return torch.set_grad_enabled
    if name == "operator.getitem":
        return _item
    if type(name) is not str or name not in OPERATORS:
        raise LoadingError(f"A traced call holds an operation that is not allowed: {name!r:.80}.")
    operation = operator_of_name(name)
    base = name.split(".")[1]
    return _GUARDED.get(name) or (in_parts(base, operation) if takes_apart(base) else operation)


def operator_of_name(name: str) -> Any:
    """The operator that has this name, which `OPERATORS` holds.

    Raises:
        LoadingError: this PyTorch does not have it.
    """
    library, base, overload = name.split(".")
    packet = getattr(getattr(torch.ops, library), base, None)
    if packet is None or overload not in packet.overloads():
        raise LoadingError(f"PyTorch has no operation {name!r:.80}.", hint="the PyTorch that wrote the file, or newer")
    return getattr(packet, overload)
