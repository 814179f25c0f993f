"""The table of operations: which functions are one, how they treat positions, their sign, what Keras calls them.

One line an operation: its public names, its sign in Python, and behind a colon Keras' operation for it. Operations of
which there is no more to say share a line, with commas between them.

A name is looked up where PyTorch has its functions, methods and special functions; one of an operator of Python's means
that too, with its methods (`sub`: ``operator.sub``, ``torch.Tensor.__sub__``, ``__rsub__``). A name with dots means
that function only. A ``!`` says that the function draws random numbers or writes into what it is given.

Keras' operation is told by the module where Keras keeps it, its class, and the function's parameters by Keras' names:
``parameter:keras_name=default``. Those before the bar are arguments of Keras' call, the others stand in its config. A
parameter in (parentheses) Keras lacks, so it must have its default.
"""

from __future__ import annotations

from .facts import CAST, FACTORY, FEATURES, FILLED, OTHER, POINTWISE, SHAPED, SIZE, Facts

TABLE: tuple[tuple[Facts, str], ...] = (
    (
        POINTWISE,
        """
        abs absolute: numpy.Absolute input:x
        neg negative -: numpy.Negative input:x
        exp: numpy.Exp input:x
        exp2: numpy.Exp2 input:x
        expm1: numpy.Expm1 input:x
        log: numpy.Log input:x
        log2: numpy.Log2 input:x
        log10: numpy.Log10 input:x
        log1p: numpy.Log1p input:x
        sqrt: numpy.Sqrt input:x
        rsqrt: math.Rsqrt input:x
        square: numpy.Square input:x
        sign: numpy.Sign input:x
        sin: numpy.Sin input:x
        cos: numpy.Cos input:x
        tan: numpy.Tan input:x
        sinh: numpy.Sinh input:x
        cosh: numpy.Cosh input:x
        tanh: numpy.Tanh input:x
        asin arcsin: numpy.Arcsin input:x
        acos arccos: numpy.Arccos input:x
        atan arctan: numpy.Arctan input:x
        asinh arcsinh: numpy.Arcsinh input:x
        acosh arccosh: numpy.Arccosh input:x
        atanh arctanh: numpy.Arctanh input:x
        sinc: numpy.Sinc input:x
        i0: numpy.I0 input:x
        erf: math.Erf input:x
        erfc: math.Erfc input:x
        erfinv: math.Erfinv input:x
        floor: numpy.Floor input:x
        ceil: numpy.Ceil input:x
        round: numpy.Round input:x | decimals=0
        trunc fix: numpy.Trunc input:x
        reciprocal: numpy.Reciprocal input:x
        deg2rad: numpy.Deg2rad input:x
        rad2deg: numpy.Rad2deg input:x
        isnan: numpy.Isnan input:x
        isinf: numpy.Isinf input:x
        isfinite: numpy.Isfinite input:x
        isneginf: numpy.Isneginf input:x
        isposinf: numpy.Isposinf input:x
        isreal: numpy.Isreal input:x
        signbit: numpy.Signbit input:x
        angle: numpy.Angle input:x
        conj: numpy.Conjugate input:x
        resolve_conj: numpy.Copy input:x
        real: numpy.Real input:x
        imag: numpy.Imag input:x
        polar: nn.Polar abs:abs_ angle
        logical_not: numpy.LogicalNot input:x
        bitwise_not invert ~: numpy.BitwiseNot input:x
        add +: numpy.Add input:x1 other:x2 | (alpha=1)
        sub subtract -: numpy.Subtract input:x1 other:x2 | (alpha=1)
        mul multiply *: numpy.Multiply input:x1 other:x2
        div divide true_divide truediv /: numpy.Divide input:x1 other:x2
        floordiv floor_divide //: numpy.FloorDivide input:x1 other:x2
        mod remainder %: numpy.Mod input:x1 other:x2
        pow **: numpy.Power input:x1 exponent:x2
        fmod: numpy.Fmod input:x1 other:x2
        maximum: numpy.Maximum input:x1 other:x2
        minimum: numpy.Minimum input:x1 other:x2
        fmax: numpy.Fmax input:x1 other:x2
        fmin: numpy.Fmin input:x1 other:x2
        hypot: numpy.Hypot input:x1 other:x2
        logaddexp: numpy.Logaddexp input:x1 other:x2
        logaddexp2: numpy.Logaddexp2 input:x1 other:x2
        atan2 arctan2: numpy.Arctan2 input:x1 other:x2
        nextafter: numpy.Nextafter input:x1 other:x2
        gcd: numpy.Gcd input:x1 other:x2
        lcm: numpy.Lcm input:x1 other:x2
        isclose: numpy.Isclose input:x1 other:x2 rtol=1e-05 atol=1e-08 | equal_nan=False
        lt less <: numpy.Less input:x1 other:x2
        le less_equal <=: numpy.LessEqual input:x1 other:x2
        gt greater >: numpy.Greater input:x1 other:x2
        ge greater_equal >=: numpy.GreaterEqual input:x1 other:x2
        eq ==: numpy.Equal input:x1 other:x2
        ne not_equal !=: numpy.NotEqual input:x1 other:x2
        logical_and: numpy.LogicalAnd input:x1 other:x2
        logical_or: numpy.LogicalOr input:x1 other:x2
        logical_xor: numpy.LogicalXor input:x1 other:x2
        bitwise_and and_ &: numpy.BitwiseAnd input:x other:y
        bitwise_or or_ |: numpy.BitwiseOr input:x other:y
        bitwise_xor xor ^: numpy.BitwiseXor input:x other:y
        bitwise_left_shift lshift <<: numpy.BitwiseLeftShift input:x other:y
        bitwise_right_shift rshift >>: numpy.BitwiseRightShift input:x other:y
        clamp clip: numpy.Clip input:x | min:x_min=None max:x_max=None
        where: numpy.Where condition input:x1 other:x2
        nan_to_num: numpy.NanToNum input:x | nan=0.0 posinf=None neginf=None
        threshold: nn.Threshold input:x | threshold value:default_value (inplace=False)
        relu: nn.Relu input:x | (inplace=False)
        relu6: nn.Relu6 input:x | (inplace=False)
        sigmoid expit: nn.Sigmoid input:x
        softplus: nn.Softplus input:x | (beta=1) (threshold=20)
        softsign: nn.Softsign input:x
        softshrink: nn.SoftShrink input:x | lambd:threshold=0.5
        hardshrink: nn.HardShrink input:x | lambd:threshold=0.5
        tanhshrink: nn.TanhShrink input:x
        silu: nn.Silu input:x | (inplace=False)
        logsigmoid: nn.LogSigmoid input:x
        leaky_relu: nn.LeakyRelu input:x | negative_slope=0.01 (inplace=False)
        hardsigmoid: nn.HardSigmoid input:x | (inplace=False)
        hardswish: nn.HardSilu input:x | (inplace=False)
        hardtanh: nn.HardTanh input:x | (min_val=-1.0) (max_val=1.0) (inplace=False)
        elu: nn.Elu input:x | alpha=1.0 (inplace=False)
        celu: nn.Celu input:x | alpha=1.0 (inplace=False)
        selu: nn.Selu input:x | (inplace=False)
        clone contiguous: numpy.Copy input:x | (memory_format=None)
        detach: core.StopGradient input:variable
        gelu, mish, dropout !, alpha_dropout !, rrelu !, logit, frac, sgn, positive, resolve_neg, conj_physical, rsub
        xlogy, lerp, addcmul, addcdiv, float_power, heaviside, copysign, ldexp, clamp_min, clamp_max, complex
        masked_fill, lgamma gammaln, digamma psi, igamma gammainc, igammac gammaincc, i0e, i1, i1e, ndtr, ndtri
        log_ndtr, entr, erfcx, xlog1py, zeta, airy_ai, bessel_j0, bessel_j1, bessel_y0, bessel_y1, modified_bessel_i0
        modified_bessel_i1, modified_bessel_k0, modified_bessel_k1, scaled_modified_bessel_k0, scaled_modified_bessel_k1
        spherical_bessel_j0, polygamma, mvlgamma
        chebyshev_polynomial_t, chebyshev_polynomial_u, chebyshev_polynomial_v, chebyshev_polynomial_w
        hermite_polynomial_h, hermite_polynomial_he, laguerre_polynomial_l, legendre_polynomial_p
        shifted_chebyshev_polynomial_t, shifted_chebyshev_polynomial_u, shifted_chebyshev_polynomial_v
        shifted_chebyshev_polynomial_w
        """,
    ),
    (
        CAST,
        """
        to, type, type_as, float, double, half, bfloat16, int, long, short, char, byte, bool, cfloat, cdouble
        """,
    ),
    (
        FEATURES,
        """
        layer_norm, linear, dropout1d !, dropout2d !, dropout3d !, feature_dropout !, feature_alpha_dropout !
        zeros_like: numpy.ZerosLike input:x | dtype=None
        ones_like: numpy.OnesLike input:x | dtype=None
        full_like: numpy.FullLike input:x fill_value | dtype=None
        """,
    ),
    (
        SHAPED,
        """
        getitem
        reshape, view, flatten, permute, expand, sum, embedding !, scaled_dot_product_attention
        matmul bmm mm @: numpy.Matmul input:x1 other:x2
        softmax: nn.Softmax input:x | dim:axis (_stacklevel=3) (dtype=None)
        log_softmax: nn.LogSoftmax input:x | dim:axis (_stacklevel=3) (dtype=None)
        transpose swapaxes swapdims: numpy.Swapaxes input:x | axis0:axis1 axis1:axis2
        movedim moveaxis: numpy.Moveaxis input:x | source destination
        mean: numpy.Mean input:x | dim:axis=None keepdim:keepdims=False (dtype=None)
        amax: numpy.Amax input:x | dim:axis=None keepdim:keepdims=False
        amin: numpy.Amin input:x | dim:axis=None keepdim:keepdims=False
        cat concat concatenate: numpy.Concatenate tensors:xs | dim:axis=0
        stack: numpy.Stack tensors:x | dim:axis=0
        """,
    ),
    (
        SIZE,
        """
        size
        """,
    ),
    (
        FILLED,
        """
        dim, new_empty, new_full, new_ones, new_tensor, new_zeros
        """,
    ),
    (
        FACTORY,
        """
        arange, zeros, ones, empty, full, eye, linspace, logspace, rand, randn, randint, randperm, tril_indices
        triu_indices, scalar_tensor, hann_window, hamming_window, bartlett_window, blackman_window, kaiser_window
        torch.fft.fftfreq, torch.fft.rfftfreq
        """,
    ),
    (
        OTHER,
        """
        ravel: numpy.Ravel input:x
        glu: nn.Glu input:x | dim:axis=-1
        logsumexp: math.Logsumexp input:x | dim:axis keepdim:keepdims=False
        outer: numpy.Outer input:x1 vec2:x2
        inner: numpy.Inner input:x1 other:x2
        isin: numpy.IsIn elements:x1 test_elements:x2 | assume_unique=False invert=False
        kron: numpy.Kron input:x1 other:x2
        argmax: numpy.Argmax input:x | dim:axis=None keepdim:keepdims=False
        argmin: numpy.Argmin input:x | dim:axis=None keepdim:keepdims=False
        all: numpy.All input:x | dim:axis=None keepdim:keepdims=False
        any: numpy.Any input:x | dim:axis=None keepdim:keepdims=False
        cumsum: numpy.Cumsum input:x | dim:axis dtype=None
        cumprod: numpy.Cumprod input:x | dim:axis dtype=None
        diff: numpy.Diff input:a | n=1 dim:axis=-1 (prepend=None) (append=None)
        trapezoid trapz: numpy.Trapezoid y | (x=None) dx=1.0 dim:axis=-1
        unsqueeze: numpy.ExpandDims input:x | dim:axis
        squeeze: numpy.Squeeze input:x | dim:axis=None
        flip: numpy.Flip input:x | dims:axis
        roll: numpy.Roll input:x | shifts:shift dims:axis=None
        tril: numpy.Tril input:x | diagonal:k=0
        triu: numpy.Triu input:x | diagonal:k=0
        rot90: numpy.Rot90 input:array | k dims:axes
        diag: numpy.Diag input:x | diagonal:k=0
        diagflat: numpy.Diagflat input:x | offset:k=0
        diagonal: numpy.Diagonal input:x | offset=0 dim1:axis1=0 dim2:axis2=1
        dstack: numpy.Dstack tensors:xs
        hstack: numpy.Hstack tensors:xs
        vstack: numpy.Vstack tensors:xs
        argsort: numpy.Argsort input:x | dim:axis=-1 (descending=False) (stable=True)
        bucketize: numpy.Digitize input:x boundaries:bins | (out_int32=True) (right=True)
        searchsorted: numpy.SearchSorted sorted_sequence input:values | side=left (out_int32=True) (right=False)
        sort: numpy.Sort input:x | dim:axis=-1 (descending=False) (stable=False)
        topk: math.TopK input:x | k (dim=-1) (largest=True) sorted=True
        view_as_complex: math.ViewAsComplex input:x
        view_as_real: math.ViewAsReal input:x
        cholesky_inverse: linalg.CholeskyInverse input:x | upper=False
        logdet: math.Logdet input:x
        torch.linalg.cholesky: linalg.Cholesky input:x | upper=False
        torch.linalg.det: linalg.Det A:x
        torch.linalg.eig: linalg.Eig A:x
        torch.linalg.eigh: linalg.Eigh A:x | (UPLO=L)
        torch.linalg.inv: linalg.Inv A:x
        torch.linalg.matrix_rank: linalg.MatrixRank A:x | (tol=None) (hermitian=False) atol:tol=None (rtol=None)
        torch.linalg.norm: linalg.Norm A:x | ord=None dim:axis=None keepdim:keepdims=False (dtype=None)
        torch.linalg.pinv: linalg.Pinv A:x | (rcond=None) (hermitian=False) (atol=None) rtol:rcond=None
        torch.linalg.qr: linalg.Qr A:x | mode=reduced
        torch.linalg.slogdet: numpy.Slogdet A:x
        torch.linalg.solve: linalg.Solve A:a B:b | (left=True)
        torch.linalg.svd: linalg.SVD A:x | full_matrices=True (driver=None)
        einsum, unflatten, chunk, split, tensor_split, unbind, broadcast_to, repeat_interleave, repeat, tile, prod, std
        var, max, min, torch.Tensor.unfold, torch.linalg.svdvals, torch.linalg.solve_triangular, norm, stft, istft, lu
        unique, unique_consecutive, is_floating_point, upsample, tensor, as_tensor, math.ceil, math.floor, math.trunc
        builtins.round, sym_min, sym_max, sym_int, sym_float
        batch_norm !, instance_norm !, embedding_bag !, gumbel_softmax !, bernoulli !, multinomial !, normal !
        poisson !, binomial !, rand_like !, randn_like !, randint_like !
        """,
    ),
)
