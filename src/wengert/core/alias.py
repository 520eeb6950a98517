"""In-place updates of traced arrays, and what they mean for views.

A traced value itself never changes. A traced *array* in the user's hands is a name for one: an update gives the name a
new value, computed by an ordinary operation. As in NumPy, views (slices, transposes, reshapes) share the memory of
their base, so the update of a view is carried to the base, and every other view of the base is looked up again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import InPlaceError
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Level, Tracer, concrete

Get = Callable[[Any], Any]
Put = Callable[[Any, Any], Any]


class NameLevel(Level):
    """The level of a name whose value belongs to a further-in transformation, or to none: it looks the value up."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        named = any(isinstance(a, NamedArray) for a in args)
        out = bind(primitive, [a.value if isinstance(a, Tracer) and a.level is self else a for a in args], params)
        if primitive.outputs > 1:
            return tuple(traceable(o) for o in out) if named else out
        return traceable(out) if named else out


_NAMES = NameLevel(rank=2**62)


class NamedArray(Tracer):
    """A plain array that can take traced values: what `np.zeros(n, like=x)` gives."""

    __slots__ = ("lent",)
    lent: Any  # a weak reference to the plain array that was handed out

    def __init__(self, value: Any) -> None:
        self.level, self.value = _NAMES, value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        plain = resolve(self)
        if isinstance(plain, Tracer):
            return super().__array__()
        return plain.astype(dtype or plain.dtype) if copy or dtype not in (None, plain.dtype) else lend(self)


def traceable(value: Any) -> Any:
    """An array that can take traced values; numbers and traced values as they are."""
    return NamedArray(value) if isinstance(value, np.ndarray) and value.ndim else value


def resolve(value: Any) -> Any:
    """What a name stands for."""
    while isinstance(value, Tracer) and value.level is _NAMES:
        value = value.value
    return value


class View(NamedTuple):
    """How a view is read from its base, and how its new value is written back."""

    base: Tracer
    get: Get
    put: Put
    certain: bool


def read_only(base: Any, new: Any) -> Any:
    """The `put` of a view that NumPy does not let write."""
    raise ValueError("assignment destination is read-only")


def view(result: Any, base: Any, get: Get, put: Put, certain: bool = False) -> Any:
    """Say that `result` may be a view of `base`; whether it is shows when one of them is updated, unless `certain`."""
    if isinstance(base, Tracer) and base.updatable and isinstance(result, Tracer) and shape_of(result):
        result.link = View(base, get, put, certain)
        try:
            views = base.views
        except AttributeError:
            views = base.views = []
        views.append(weakref.ref(result))
        if len(views) > 16 and len(views) & (len(views) - 1) == 0:  # now and then, drop those that are gone
            views[:] = [ref for ref in views if ref() is not None]
    return result


def _link(array: Tracer) -> View | None:
    """The link of a view; NumPy has made the views already, so they are those whose numbers share memory."""
    link: View | None = getattr(array, "link", None)
    if link is None or link.certain:
        return link
    ours, theirs = concrete(array), concrete(link.base)
    shared = isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray) and np.may_share_memory(ours, theirs)
    return link if shared else None


def update(array: Any, value: Any) -> None:
    """Give a traced array a new value: the base is written, and all views of it are read again."""
    if not array.updatable:
        raise InPlaceError(
            "an array on the tape would change in place",
            wrong="y[i] = v, y += v, np.add(x, v, out=y)",
            right="y = np.where(np.arange(n) == i, v, y), y = y + v",
        )
    value = _fitting(array, value)
    while (link := _link(array)) is not None:
        value = link.put(link.base, value)
        array = link.base
    family = _family(array)
    _rename(array, value)
    for child, link in family:
        _rename(child, link.get(link.base))


def _family(base: Tracer) -> list[tuple[Tracer, View]]:
    """All living views of a base and the views of those, each after its own base."""
    found: list[tuple[Tracer, View]] = []
    stack = [base]
    while stack:
        for ref in getattr(stack.pop(), "views", ()):
            child = ref()
            if child is not None and (link := _link(child)) is not None:
                found.append((child, link))
                stack.append(child)
    return found


def write_out(out: Any, result: Any) -> Any:
    """`out=`: a traced array takes the result; None for a plain one, which cannot."""
    target = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if not isinstance(target, Tracer):
        return None
    update(target, result)
    return target


def plain(value: Any) -> Any:
    """Arguments with names looked up."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    return resolve(value)


def _rename(array: Tracer, value: Any) -> None:
    lent = getattr(array, "lent", None)
    if lent is not None and lent() is not None:
        raise InPlaceError(
            "this array was handed to NumPy as a plain one, which would not see the update",
            wrong="z = np.asarray(y); y[0] = x",
            right="y[0] = x; z = y   or   z = np.array(y) after the last update",
        )
    value = resolve(value)
    if isinstance(value, Tracer) and type(value) is type(array) and value.level is array.level:
        for field in array.fields:
            setattr(array, field, getattr(value, field))
    else:
        array.level, array.value = _NAMES, value


def lend(array: NamedArray) -> Any:
    """The plain array behind a name, to read; while it is used, the name cannot be updated."""
    plain = np.asarray(resolve(array)).view()
    plain.flags.writeable = False
    array.lent = weakref.ref(plain)
    return plain


def _fitting(array: Any, value: Any) -> Any:
    """A new value has the old one's shape and dtype, as in NumPy."""
    aval, have = aval_of(array), aval_of(value)
    if have.shape != aval.shape:
        if np.broadcast_shapes(have.shape, aval.shape) != aval.shape:
            raise ValueError(f"non-broadcastable output operand with shape {aval.shape} for a value of {have.shape}")
        value = np.broadcast_to(value, aval.shape)
    if have.dtype == aval.dtype and not have.weak:
        return value
    if not np.can_cast(have.dtype, aval.dtype, "same_kind"):
        raise InPlaceError(
            f"an array of {aval.dtype} cannot take values of {have.dtype}",
            wrong="y = np.zeros(n, int); y += 0.5",
            right="y = np.zeros(n, float); y += 0.5",
        )
    return value.astype(aval.dtype) if isinstance(value, Tracer) else np.asarray(value, aval.dtype)  # type: ignore[attr-defined]
