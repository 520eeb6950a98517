"""The Python array API standard: every name is there, with NumPy's values, its options, and derivatives.

**Source**: *Python array API standard*, version 2024.12, https://data-apis.org/array-api/2024.12/API_specification.
"""

from __future__ import annotations

import re

import numpy
import pytest

import wengert as wg
import wengert.numpy as xp
from wengert.core.errors import ConversionError
from wengert.core.tracer import Tracer

from .ops.checks import check_first
from .ops.samples import Sample

#: The standard's names, by the pages of its specification.
NAMES = """
e inf nan newaxis pi asarray arange empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like
tril triu zeros zeros_like astype can_cast finfo iinfo isdtype result_type broadcast_arrays broadcast_to bool int8
int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128 abs acos acosh add asin asinh atan
atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift bitwise_xor ceil clip conj
copysign cos cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less
less_equal log log1p log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply
negative nextafter not_equal positive pow real reciprocal remainder round sign signbit sin sinh square sqrt subtract
tan tanh trunc take take_along_axis __array_namespace_info__ matmul matrix_transpose tensordot vecdot concat
expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack argmax argmin count_nonzero
nonzero searchsorted where unique_all unique_counts unique_inverse unique_values argsort sort cumulative_prod
cumulative_sum max mean min prod std sum var all any diff __array_api_version__ linalg.cholesky linalg.cross
linalg.det linalg.diagonal linalg.eigh linalg.eigvalsh linalg.inv linalg.matmul linalg.matrix_norm linalg.matrix_power
linalg.matrix_rank linalg.matrix_transpose linalg.outer linalg.pinv linalg.qr linalg.slogdet linalg.solve linalg.svd
linalg.svdvals linalg.tensordot linalg.trace linalg.vecdot linalg.vector_norm fft.fft fft.ifft fft.fftn fft.ifftn
fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift
"""

#: What an array has.
ATTRIBUTES = """
dtype device mT ndim shape size T __abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack__
__dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__ __invert__ __le__
__lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__ __rshift__ __setitem__ __sub__
__truediv__ __xor__ to_device __iadd__ __radd__ __isub__ __rsub__ __imul__ __rmul__ __itruediv__ __rtruediv__
__ifloordiv__ __rfloordiv__ __ipow__ __rpow__ __imod__ __rmod__ __imatmul__ __rmatmul__ __iand__ __rand__ __ior__
__ror__ __ixor__ __rxor__ __ilshift__ __rlshift__ __irshift__ __rrshift__
"""

RNG = numpy.random.default_rng(5)
V, U = numpy.array([0.83, -1.21, 0.36, 2.17]), numpy.array([0.31, 0.62, 0.17, 0.48])
X = RNG.permutation(12).reshape(3, 4) / 5 - 1.13
S = numpy.array([[3.1, 0.4, -0.7], [0.2, 4.3, 0.9], [-0.5, 0.8, 5.2]])
K, N = numpy.array([2, 0, 3]), numpy.array([[0, 2, 1, 0]])
GIVEN = {"v": V, "u": U, "x": X, "s": S}
KNOWN = {**GIVEN, "k": K, "n": N, "xp": xp}

#: Of every function of arrays an expression, with the standard's options, by its own names for them.
EXPRESSIONS = """
xp.asarray(v, dtype=xp.float64, device="cpu", copy=True)   xp.asarray(v, copy=False)   xp.asarray(v)
xp.asarray([v[0], 2.0, v[1] * v[2]])   xp.from_dlpack(v)   xp.full((2, 3), v[0], dtype=xp.float64, device="cpu")
xp.full((), v[0])   xp.full_like(x, v[0], dtype=None, device="cpu")   xp.linspace(v[0], v[3], 5, endpoint=False)
xp.linspace(v[0], 3.0, num=4, dtype=xp.float64, device="cpu")   v * xp.arange(0.0, 4.0, 1.0, device="cpu")
v + xp.empty(4, device="cpu") * 0   v + xp.empty_like(v, device="cpu") * 0   xp.eye(3, 4, k=1, device="cpu") * x
v + xp.ones(4, device="cpu")   v + xp.ones_like(v, device="cpu")   v + xp.zeros((3, 4), device="cpu")
v + xp.zeros_like(v, dtype=xp.float64, device="cpu")   xp.meshgrid(v, u, indexing="ij")[0]   xp.tril(s, k=-1)
xp.triu(s, k=1)   xp.astype(v, xp.float64, copy=True, device="cpu")   xp.astype(v, xp.float64, copy=False)
v * xp.can_cast(v, xp.float32)   v * xp.finfo(v).eps   v * xp.iinfo(xp.int8).max
v * xp.isdtype(v.dtype, "real floating")   v * (xp.result_type(v, 1.0, xp.float32) == xp.float64)
xp.broadcast_arrays(v, x)[0]   xp.broadcast_to(v, (2, 4))   xp.abs(v)   xp.acos(u)   xp.acosh(1 + u)   xp.add(v, u)
xp.add(v, 2.0)   xp.asin(u)   xp.asinh(v)   xp.atan(v)   xp.atan2(v, u)   xp.atan2(1.0, v)   xp.atanh(u)
v * xp.bitwise_and(k, 1)[0]   v * xp.bitwise_left_shift(k, 1)[0]   v * xp.bitwise_invert(k)[0]
v * xp.bitwise_or(k, 1)[0]   v * xp.bitwise_right_shift(k, 1)[0]   v * xp.bitwise_xor(k, 1)[0]   xp.ceil(v) * v
xp.clip(v, min=-0.5, max=1.0)   xp.clip(v, None, u)   xp.conj(v)   xp.copysign(u, v)   xp.cos(v)   xp.cosh(v)
xp.divide(v, u)   xp.divide(2.0, u)   v * xp.equal(v, u)   xp.exp(v)   xp.expm1(v)   xp.floor(v) * v
xp.floor_divide(v, u) * v   v * xp.greater(v, u)   v * xp.greater_equal(v, 0.0)   xp.hypot(v, u)   xp.imag(v) + v
v * xp.isfinite(v)   v * xp.isinf(v)   v * xp.isnan(v)   v * xp.less(v, u)   v * xp.less_equal(v, u)   xp.log(u)
xp.log1p(u)   xp.log2(u)   xp.log10(u)   xp.logaddexp(v, u)   v * xp.logical_and(v > 0, u > 0.5)
v * xp.logical_not(v > 0)   v * xp.logical_or(v > 0, u > 0.5)   v * xp.logical_xor(v > 0, u > 0.5)   xp.maximum(v, u)
xp.minimum(v, 0.5)   xp.multiply(v, u)   xp.negative(v)   xp.nextafter(v, 3.0)   v * xp.not_equal(v, u)
xp.positive(v)   xp.pow(u, v)   xp.pow(u, 2.0)   xp.real(v)   xp.reciprocal(u)   xp.remainder(v, u)   xp.round(v) * v
xp.sign(v) * v   v * xp.signbit(v)   xp.sin(v)   xp.sinh(v)   xp.square(v)   xp.sqrt(u)   xp.subtract(v, u)
xp.tan(v)   xp.tanh(v)   xp.trunc(v) * v   xp.take(x, k, axis=1)   xp.take(v, k)   xp.take_along_axis(x, n, axis=0)
xp.take_along_axis(x, k[:, None])   xp.matmul(x, v)   xp.matrix_transpose(x)   xp.tensordot(x, s, axes=((0,), (1,)))
xp.vecdot(x, v)   xp.vecdot(x, x, axis=0)   xp.concat([v, u])   xp.concat((x, s), axis=1)
xp.concat([x, v], axis=None)   xp.expand_dims(v, axis=1)   xp.flip(x)   xp.flip(x, axis=1)   xp.moveaxis(x, 0, 1)
xp.permute_dims(x, (1, 0))   xp.repeat(v, 2)   xp.repeat(x, k, axis=0)   xp.reshape(x, (4, 3), copy=True)
xp.reshape(x, shape=(12,))   xp.roll(x, 1, axis=1)   xp.squeeze(x[None], axis=0)   xp.stack([v, u], axis=1)
xp.tile(v, (2, 1))   xp.unstack(x, axis=1)[2]   x[xp.argmax(x, axis=0), 0]   v[xp.argmin(v)]
x[xp.argmin(x, axis=1, keepdims=True), k]   v * xp.count_nonzero(x, axis=0)
v * xp.count_nonzero(x, keepdims=True)[0]   v[xp.nonzero(v > 0)]
v * xp.searchsorted(xp.sort(u), v, side="right", sorter=None)   xp.where(v > 0, v, u)   xp.where(v > 0, v, 0.0)
xp.unique_all(v).values   xp.unique_counts(v).values   xp.unique_inverse(v).values   xp.unique_values(v)
v[xp.argsort(v, axis=0, descending=False, stable=True)]   v[xp.argsort(v, descending=True)]
xp.sort(x, axis=0, descending=False, stable=True)   xp.sort(x, descending=True)
xp.cumulative_prod(x, axis=1, dtype=xp.float64, include_initial=True)   xp.cumulative_sum(v, include_initial=True)
xp.max(x, axis=0, keepdims=True)   xp.mean(x, axis=(0, 1))   xp.min(x, axis=1)   xp.prod(x, axis=0, dtype=xp.float64)
xp.std(x, axis=0, correction=1.0, keepdims=True)   xp.sum(x, axis=1, dtype=xp.float64, keepdims=True)
xp.var(x, correction=1)   v * xp.all(x, axis=0, keepdims=True)   v * xp.any(x > 0, axis=0)   xp.diff(x, axis=0, n=2)
xp.diff(v, prepend=u, append=u)   xp.linalg.cholesky(s @ s.mT, upper=True)   xp.linalg.cross(s, x[:, :3], axis=0)
xp.linalg.det(s)   xp.linalg.diagonal(s, offset=1)   xp.linalg.eigh(s + s.mT).eigenvalues
xp.linalg.eigvalsh(s + s.mT)   xp.linalg.inv(s)   xp.linalg.matmul(x, v)
xp.linalg.matrix_norm(x, keepdims=True, ord=1)   xp.linalg.matrix_power(s, 3)
v * xp.linalg.matrix_rank(s, rtol=None)   xp.linalg.matrix_transpose(x)   xp.linalg.outer(v, u)
xp.linalg.pinv(x, rtol=None)   xp.linalg.qr(s, mode="complete").R   xp.linalg.slogdet(s).logabsdet
xp.linalg.solve(s, x)   xp.linalg.svd(x, full_matrices=False).S   xp.linalg.svdvals(x)
xp.linalg.tensordot(x, v, axes=1)   xp.linalg.trace(s, offset=0, dtype=None)   xp.linalg.vecdot(x, v, axis=-1)
xp.linalg.vector_norm(x, axis=1, keepdims=True, ord=3)   xp.real(xp.fft.fft(v, n=5, axis=0, norm="ortho"))
xp.imag(xp.fft.ifft(v))   xp.real(xp.fft.fftn(x, s=(3, 3), axes=(0, 1)))   xp.imag(xp.fft.ifftn(x))
xp.imag(xp.fft.rfft(v))   xp.fft.irfft(v)   xp.real(xp.fft.rfftn(x))   xp.fft.irfftn(x)   xp.fft.hfft(v)
xp.real(xp.fft.ihfft(v))   v * xp.fft.fftfreq(4, d=2.0, device="cpu")   v[:3] * xp.fft.rfftfreq(4)
xp.fft.fftshift(x, axes=1)   xp.fft.ifftshift(v)   v.to_device(v.device)   x.mT   x.T
v.__array_namespace__(api_version="2024.12").sin(v)
"""
ROWS = re.findall(r"\S.*?(?=\s{3,}|\n)", EXPRESSIONS)
#: What NumPy has under the same name, but without an option of the standard, and the same in its words.
IN_NUMPYS_WORDS = {
    "v[xp.argsort(v, descending=True)]": "xp.sort(v)[::-1]",
    "xp.sort(x, descending=True)": "xp.sort(x)[:, ::-1]",
    "v[xp.argsort(v, axis=0, descending=False, stable=True)]": "v[xp.argsort(v, axis=0, stable=True)]",
    "xp.sort(x, axis=0, descending=False, stable=True)": "xp.sort(x, axis=0, stable=True)",
    "v * xp.finfo(v).eps": "v * xp.finfo(v.dtype).eps",
    "v * xp.can_cast(v, xp.float32)": "v * 0",
    "xp.take_along_axis(x, k[:, None])": "xp.take_along_axis(x, k[:, None], 1)",
}  # fmt: skip


def found(name):
    value = xp
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("name", NAMES.split())
def test_the_name_is_there(name):
    assert found(name) is not Ellipsis
    if callable(found(name)) and not name.startswith(("__", "bool", "int", "uint", "float", "complex")):
        assert f"xp.{name}(" in EXPRESSIONS, "a function without a row"


@pytest.mark.parametrize("name", ATTRIBUTES.split())
def test_arrays_have_what_the_standard_gives_them(name):
    assert hasattr(Tracer, name)


@pytest.mark.parametrize("row", ROWS)
def test_values_are_numpys_and_derivatives_are_right(row):
    names = [n for n in GIVEN if re.search(rf"(?<![\w.\"]){n}(?![\w(\"=])", row)]
    f = eval(f"lambda {', '.join(names)}: {row}", KNOWN)
    args = tuple(GIVEN[n] for n in names)
    value = f(*args)
    assert isinstance(value, numpy.ndarray | numpy.generic)
    words = IN_NUMPYS_WORDS.get(row, row)
    words = words.replace("xp.from_dlpack(v)", "v").replace(
        '__array_namespace__(api_version="2024.12")', "__array_namespace__()"
    )
    numpy.testing.assert_array_equal(value, eval(words, {**KNOWN, "xp": numpy}), strict=True)
    traced = wg.jvp(f, args, args)[0]
    numpy.testing.assert_allclose(traced, value, rtol=1e-14, atol=1e-15)
    check_first(f, Sample(args))


def test_a_version_that_is_not_there_is_refused():
    for version in (None, "2022.12", "2023.12", "2024.12"):
        wg.grad(lambda x, v=version: x if x.__array_namespace__(api_version=v) is xp else None)(1.0)
    with pytest.raises(ValueError, match="1984"):
        wg.grad(lambda x: x.__array_namespace__(api_version="1984.04").sin(x))(1.0)
    with pytest.raises(TypeError):
        wg.grad(lambda x: x.__array_namespace__("2024.12"))(1.0)


def test_the_namespace_describes_itself():
    info = xp.__array_namespace_info__()
    assert xp.__array_api_version__ == "2024.12"
    assert info.default_device() == "cpu"
    assert list(info.devices()) == ["cpu"]
    assert info.default_dtypes()["real floating"] == numpy.float64
    assert info.capabilities()["boolean indexing"]


def test_there_is_one_device():
    def moved(x):
        with pytest.raises(ValueError, match="gpu"):
            x.to_device("gpu")
        with pytest.raises(ValueError, match="gpu"):
            xp.asarray(x, device="gpu")
        with pytest.raises(ValueError, match="gpu"):
            xp.zeros(2, device="gpu")
        with pytest.raises(ConversionError, match="another library"):
            x.__dlpack__()
        return xp.sum(x.to_device("cpu"))

    assert wg.grad(moved)(V).tolist() == [1, 1, 1, 1]


def test_asarray_is_the_array_itself_as_in_numpy():
    def f(x):
        same, copy = xp.asarray(x), xp.asarray(x, copy=True)
        same[0] = 2 * x[1]
        with pytest.raises(ValueError, match="copy"):
            xp.asarray(x, dtype=xp.float32, copy=False)
        with pytest.raises(ValueError, match="copy"):
            xp.asarray([x[0], 1.0], copy=False)
        return xp.sum(x**2) + copy[0]

    assert f(V.copy()) == pytest.approx(f(V.copy()))
    assert wg.grad(f)(V) == pytest.approx([1, 10 * V[1], 2 * V[2], 2 * V[3]])


def test_equal_elements_keep_their_order_from_the_largest_on():
    x = numpy.array([1.0, 3.0, 1.0, 3.0, 2.0])
    assert xp.argsort(x, descending=True, stable=True).tolist() == [1, 3, 4, 0, 2]
    assert xp.sort(x, descending=True).tolist() == [3, 3, 2, 1, 1]
    assert wg.jacobian(lambda x: xp.sort(x, descending=True)[2])(x).tolist() == [0, 0, 0, 0, 1]
    assert wg.jacobian(lambda x: xp.sort([x[0], 5.0], descending=True)[1])(x).tolist() == [1, 0, 0, 0, 0]


def test_arrays_made_inside_a_transformation_belong_to_the_namespace():
    def f(x):
        for made in (
            xp.asarray(1.0), xp.zeros(()), xp.zeros(3), xp.full((), 2.0), xp.sum(numpy.ones(3)), xp.fft.fftfreq(4),
            xp.zeros(()) + 1, xp.astype(numpy.ones(2), xp.float32), xp.empty_like(xp.sum(x)), *xp.meshgrid(V, V),
            xp.linalg.eigh(numpy.eye(2)).eigenvectors, xp.unique_all(V).counts, xp.full((), x[0]),
        ):  # fmt: skip
            assert made.__array_namespace__() is xp, made
        return x[0]

    wg.grad(f)(V)


def test_an_array_without_axes_is_as_good_as_its_number():
    def f(x):
        n = xp.sum(numpy.array([1, 2]))
        assert n == 3
        assert float(n) == 3.0
        assert complex(n) == 3
        assert int(xp.asarray(2.5)) == 2
        assert list(range(n)) == [0, 1, 2]
        assert {3: "three"}[n] == "three"
        assert n.item() == 3
        made = xp.zeros(())
        made[...] = x[0]
        with pytest.raises(ConversionError):
            float(made)
        return made * n

    assert wg.grad(f)(V).tolist() == [3, 0, 0, 0]


def test_whole_numbers_are_shifted():
    assert wg.grad(lambda x, k: x * (k << 1) * (k >> 1) * (2 << k))(3.0, 2) == 4 * 1 * 8
