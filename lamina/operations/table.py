"""The table of operations: which functions are one, how they treat positions, their sign, what Keras calls them.

Words between commas are one operation: its public names, the usual one first, its sign in Python, and the class of
Keras' operation for it. A ``!`` says that the function draws random numbers or writes into what it is given.

A name is looked up where PyTorch has its functions, methods and special functions; one of an operator of Python's means
that too, with its methods (`sub`: ``operator.sub``, ``torch.Tensor.__sub__``, ``__rsub__``). A name with dots means
that function only.

Behind a colon stands, for all operations of the line, in which module Keras keeps them, and the parameters of the
function by Keras' names: ``parameter:keras_name=default``. Those before the bar are arguments of Keras' call, those
behind it stand in its config. A parameter in (parentheses) Keras lacks, so it must have its default.

The kinds in [brackets] are those of `lamina.operations.facts`.
"""

TABLE = """
[pointwise] every position is made of that position alone
abs absolute Absolute, neg negative - Negative, exp Exp, exp2 Exp2, expm1 Expm1, log Log, log2 Log2: numpy input:x
log10 Log10, log1p Log1p, sqrt Sqrt, square Square, sign Sign, sin Sin, cos Cos, tan Tan, sinh Sinh: numpy input:x
cosh Cosh, tanh Tanh, asin arcsin Arcsin, acos arccos Arccos, atan arctan Arctan: numpy input:x
asinh arcsinh Arcsinh, acosh arccosh Arccosh, atanh arctanh Arctanh, sinc Sinc, i0 I0, floor Floor: numpy input:x
ceil Ceil, trunc fix Trunc, reciprocal Reciprocal, deg2rad Deg2rad, rad2deg Rad2deg, isnan Isnan: numpy input:x
isinf Isinf, isfinite Isfinite, isneginf Isneginf, isposinf Isposinf, isreal Isreal, signbit Signbit: numpy input:x
angle Angle, conj Conjugate, resolve_conj Copy, real Real, imag Imag, logical_not LogicalNot: numpy input:x
bitwise_not invert ~ BitwiseNot: numpy input:x
mul multiply * Multiply, div divide true_divide truediv / Divide: numpy input:x1 other:x2
floordiv floor_divide // FloorDivide, mod remainder % Mod, fmod Fmod, maximum Maximum: numpy input:x1 other:x2
minimum Minimum, fmax Fmax, fmin Fmin, hypot Hypot, logaddexp Logaddexp: numpy input:x1 other:x2
logaddexp2 Logaddexp2, atan2 arctan2 Arctan2, nextafter Nextafter, gcd Gcd, lcm Lcm: numpy input:x1 other:x2
lt less < Less, le less_equal <= LessEqual, gt greater > Greater: numpy input:x1 other:x2
ge greater_equal >= GreaterEqual, eq == Equal, ne not_equal != NotEqual: numpy input:x1 other:x2
logical_and LogicalAnd, logical_or LogicalOr, logical_xor LogicalXor: numpy input:x1 other:x2
relu Relu, relu6 Relu6, silu Silu, hardsigmoid HardSigmoid, hardswish HardSilu: nn input:x | (inplace=False)
selu Selu: nn input:x | (inplace=False)
bitwise_and and_ & BitwiseAnd, bitwise_or or_ | BitwiseOr, bitwise_xor xor ^ BitwiseXor: numpy input:x other:y
bitwise_left_shift lshift << BitwiseLeftShift: numpy input:x other:y
bitwise_right_shift rshift >> BitwiseRightShift: numpy input:x other:y
rsqrt Rsqrt, erf Erf, erfc Erfc, erfinv Erfinv: math input:x
sigmoid expit Sigmoid, softsign Softsign, tanhshrink TanhShrink, logsigmoid LogSigmoid: nn input:x
add + Add, sub subtract - Subtract: numpy input:x1 other:x2 | (alpha=1)
softshrink SoftShrink, hardshrink HardShrink: nn input:x | lambd:threshold=0.5
elu Elu, celu Celu: nn input:x | alpha=1.0 (inplace=False)
round Round: numpy input:x | decimals=0
polar Polar: nn abs:abs_ angle
pow ** Power: numpy input:x1 exponent:x2
isclose Isclose: numpy input:x1 other:x2 rtol=1e-05 atol=1e-08 | equal_nan=False
clamp clip Clip: numpy input:x | min:x_min=None max:x_max=None
where Where: numpy condition input:x1 other:x2
nan_to_num NanToNum: numpy input:x | nan=0.0 posinf=None neginf=None
threshold Threshold: nn input:x | threshold value:default_value (inplace=False)
softplus Softplus: nn input:x | (beta=1) (threshold=20)
leaky_relu LeakyRelu: nn input:x | negative_slope=0.01 (inplace=False)
hardtanh HardTanh: nn input:x | (min_val=-1.0) (max_val=1.0) (inplace=False)
clone contiguous Copy: numpy input:x | (memory_format=None)
detach StopGradient: core input:variable
gelu, mish, dropout !, alpha_dropout !, rrelu !, logit, frac, sgn, positive, resolve_neg, conj_physical, rsub, xlogy
lerp, addcmul, addcdiv, float_power, heaviside, copysign, ldexp, clamp_min, clamp_max, complex, masked_fill
lgamma gammaln, digamma psi, igamma gammainc, igammac gammaincc, i0e, i1, i1e, ndtr, ndtri, log_ndtr, entr, erfcx
xlog1py, zeta, airy_ai, bessel_j0, bessel_j1, bessel_y0, bessel_y1, modified_bessel_i0, modified_bessel_i1
modified_bessel_k0, modified_bessel_k1, scaled_modified_bessel_k0, scaled_modified_bessel_k1, spherical_bessel_j0
polygamma, mvlgamma, chebyshev_polynomial_t, chebyshev_polynomial_u, chebyshev_polynomial_v, chebyshev_polynomial_w
hermite_polynomial_h, hermite_polynomial_he, laguerre_polynomial_l, legendre_polynomial_p
shifted_chebyshev_polynomial_t, shifted_chebyshev_polynomial_u, shifted_chebyshev_polynomial_v
shifted_chebyshev_polynomial_w

[cast] the same, in the dtype that another argument tells
to, type, type_as, float, double, half, bfloat16, int, long, short, char, byte, bool, cfloat, cdouble

[features] features are mixed, positions not: a mask over positions goes through
zeros_like ZerosLike, ones_like OnesLike: numpy input:x | dtype=None
full_like FullLike: numpy input:x fill_value | dtype=None
layer_norm, linear, dropout1d !, dropout2d !, dropout3d !, feature_dropout !, feature_alpha_dropout !

[shaped] positions move or mix; it is plain which sizes come from which
softmax Softmax, log_softmax LogSoftmax: nn input:x | dim:axis (_stacklevel=3) (dtype=None)
amax Amax, amin Amin: numpy input:x | dim:axis=None keepdim:keepdims=False
matmul bmm mm @ Matmul: numpy input:x1 other:x2
transpose swapaxes swapdims Swapaxes: numpy input:x | axis0:axis1 axis1:axis2
movedim moveaxis Moveaxis: numpy input:x | source destination
mean Mean: numpy input:x | dim:axis=None keepdim:keepdims=False (dtype=None)
cat concat concatenate Concatenate: numpy tensors:xs | dim:axis=0
stack Stack: numpy tensors:x | dim:axis=0
getitem, reshape, view, flatten, permute, expand, sum, embedding !, scaled_dot_product_attention

[size] a size; no value is read
size

[filled] of a tensor, dtype and device are taken
dim, new_empty, new_full, new_ones, new_tensor, new_zeros

[factory] a tensor of numbers alone
arange, zeros, ones, empty, full, eye, linspace, logspace, rand, randn, randint, randperm, tril_indices
triu_indices, scalar_tensor, hann_window, hamming_window, bartlett_window, blackman_window, kaiser_window
torch.fft.fftfreq, torch.fft.rfftfreq

[other] no more is told than names
argmax Argmax, argmin Argmin, all All, any Any: numpy input:x | dim:axis=None keepdim:keepdims=False
tril Tril, triu Triu, diag Diag: numpy input:x | diagonal:k=0
dstack Dstack, hstack Hstack, vstack Vstack: numpy tensors:xs
view_as_complex ViewAsComplex, view_as_real ViewAsReal, logdet Logdet: math input:x
torch.linalg.det Det, torch.linalg.eig Eig, torch.linalg.inv Inv: linalg A:x
inner Inner, kron Kron: numpy input:x1 other:x2
cumsum Cumsum, cumprod Cumprod: numpy input:x | dim:axis dtype=None
cholesky_inverse CholeskyInverse, torch.linalg.cholesky Cholesky: linalg input:x | upper=False
ravel Ravel: numpy input:x
glu Glu: nn input:x | dim:axis=-1
logsumexp Logsumexp: math input:x | dim:axis keepdim:keepdims=False
outer Outer: numpy input:x1 vec2:x2
isin IsIn: numpy elements:x1 test_elements:x2 | assume_unique=False invert=False
diff Diff: numpy input:a | n=1 dim:axis=-1 (prepend=None) (append=None)
trapezoid trapz Trapezoid: numpy y | (x=None) dx=1.0 dim:axis=-1
unsqueeze ExpandDims: numpy input:x | dim:axis
squeeze Squeeze: numpy input:x | dim:axis=None
flip Flip: numpy input:x | dims:axis
roll Roll: numpy input:x | shifts:shift dims:axis=None
rot90 Rot90: numpy input:array | k dims:axes
diagflat Diagflat: numpy input:x | offset:k=0
diagonal Diagonal: numpy input:x | offset=0 dim1:axis1=0 dim2:axis2=1
argsort Argsort: numpy input:x | dim:axis=-1 (descending=False) (stable=True)
bucketize Digitize: numpy input:x boundaries:bins | (out_int32=True) (right=True)
searchsorted SearchSorted: numpy sorted_sequence input:values | side=left (out_int32=True) (right=False)
sort Sort: numpy input:x | dim:axis=-1 (descending=False) (stable=False)
topk TopK: math input:x | k (dim=-1) (largest=True) sorted=True
torch.linalg.eigh Eigh: linalg A:x | (UPLO=L)
torch.linalg.matrix_rank MatrixRank: linalg A:x | (tol=None) (hermitian=False) atol:tol=None (rtol=None)
torch.linalg.norm Norm: linalg A:x | ord=None dim:axis=None keepdim:keepdims=False (dtype=None)
torch.linalg.pinv Pinv: linalg A:x | (rcond=None) (hermitian=False) (atol=None) rtol:rcond=None
torch.linalg.qr Qr: linalg A:x | mode=reduced
torch.linalg.slogdet Slogdet: numpy A:x
torch.linalg.solve Solve: linalg A:a B:b | (left=True)
torch.linalg.svd SVD: linalg A:x | full_matrices=True (driver=None)
einsum, unflatten, chunk, split, tensor_split, unbind, broadcast_to, repeat_interleave, repeat, tile, prod, std, var
max, min, torch.Tensor.unfold, torch.linalg.svdvals, torch.linalg.solve_triangular, norm, stft, istft, lu, unique
unique_consecutive, is_floating_point, upsample, tensor, as_tensor, math.ceil, math.floor, math.trunc
builtins.round, sym_min, sym_max, sym_int, sym_float, batch_norm !, instance_norm !, embedding_bag !
gumbel_softmax !, bernoulli !, multinomial !, normal !, poisson !, binomial !, rand_like !, randn_like !
randint_like !
"""
