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

from wengert.core.aval import aval_of
from wengert.core.errors import InPlaceError
from wengert.core.primitive import REGISTRY, Primitive, bind
from wengert.core.tracer import Level, Tracer, concrete

Get = Callable[[Any], Any]
Put = Callable[[Any, Any], Any]


class NameLevel(Level):
    """The level of a name whose value belongs to a further-in transformation, or to none: it looks the value up."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        names = [a for a in args if isinstance(a, NamedArray)]
        out = bind(primitive, [a.value if isinstance(a, Tracer) and a.level is self else a for a in args], params)
        if not names:
            return out
        made = traceable if all(a.shape for a in names) else cell  # what came of a name without axes stays one
        return tuple(map(made, out)) if primitive.outputs > 1 else made(out)


_NAMES = NameLevel(rank=2**62)


class NamedArray(Tracer):
    """A plain array that can take traced values: what `np.zeros(n, like=x)` gives."""

    __slots__ = ("lent",)
    lent: Any  # a weak reference to the plain array that was handed out

    def __init__(self, value: Any) -> None:
        self.level, self.value = _NAMES, value

    def _number(self, convert: str, *args: Any) -> Any:
        """What a conversion gives; as long as nothing traced was put in, nothing can be lost by it."""
        plain = resolve(self)
        return getattr(Tracer if isinstance(plain, Tracer) else type(plain), convert)(plain, *args)

    def __float__(self) -> float:
        return float(self._number("__float__"))

    def __complex__(self) -> complex:
        return complex(self._number("__complex__"))

    def __int__(self) -> int:
        return int(self._number("__int__"))

    def item(self, *args: Any) -> Any:
        """A plain number, of a plain array."""
        return self._number("item", *args)

    def tolist(self) -> Any:
        """A list of plain numbers, of a plain array."""
        return self._number("tolist")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        plain = resolve(self)
        if isinstance(plain, Tracer):
            return super().__array__()
        return plain.astype(dtype or plain.dtype) if copy or dtype not in (None, plain.dtype) else lend(self)

    def __hash__(self) -> int:
        return Tracer.__hash__(self) if self.shape or isinstance(resolve(self), Tracer) else hash(self.item())


def traceable(value: Any) -> Any:
    """An array that can take traced values; numbers and traced values as they are."""
    return NamedArray(value) if isinstance(value, np.ndarray) else value


def cell(value: Any) -> NamedArray:
    """A number or an array as an array that can take traced values, also where it has no axes."""
    return NamedArray(np.asarray(value) if isinstance(value, np.generic) else value)


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


def read_only(base: Any, new: Any) -> Any:
    """The `put` of a view that NumPy does not let write."""
    raise ValueError("assignment destination is read-only")


def view(result: Any, base: Any, get: Get, put: Put) -> Any:
    """Say that `result` may be a view of `base`; whether it is shows when one of them is updated."""
    if isinstance(base, Tracer) and base.updatable and isinstance(result, Tracer) and result.is_cell:
        result.link = View(base, get, put)
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
    return link if link is None or link.base.lends_to(array, link.get) else None


def update(array: Any, value: Any, fresh: bool = False) -> None:
    """Give a traced array a new value: the base is written, and all views of it are read again.

    `fresh`: the value was computed for this update, and is in nobody else's hands.
    """
    array.check_update()
    value = _fitting(array, value)
    while (link := _link(array)) is not None:
        value, fresh = link.put(link.base, value), True
        array = link.base
    array.check_update()
    if not fresh or _moved(concrete(array), concrete(value)):
        value = bind(REGISTRY["put"], (array.frozen(), value), {"index": (Ellipsis,)})
    family = _family(array)
    _rename(array, value)
    for child, link in family:
        if child.follows(array):
            _rename(child, link.get(link.base))


def _moved(old: Any, new: Any) -> bool:
    """Whether a new value lies otherwise in memory than the old one; what is a view and what a copy depends on it."""
    if type(old) is not np.ndarray:
        return False
    return type(new) is not np.ndarray or new.strides != old.strides


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


def write_out(out: Any, result: Any, where: Any = True) -> Any:
    """`out=`: a traced array takes the result, or some elements of it; None for a plain one, which cannot."""
    target = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if not isinstance(target, Tracer):
        return None
    update(target, result if where is True else np.where(where, result, target.frozen()))
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
        array.become(value)
    else:
        array.become_name(_NAMES, value)


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
    if have.dtype == aval.dtype and have.weak <= aval.weak:
        return value
    if not np.can_cast(have.dtype, aval.dtype, "same_kind"):
        raise InPlaceError(
            f"an array of {aval.dtype} cannot take values of {have.dtype}",
            wrong="y = np.zeros(n, int); y += 0.5",
            right="y = np.zeros(n, float); y += 0.5",
        )
    return value.astype(aval.dtype) if isinstance(value, Tracer) else np.asarray(value, aval.dtype)  # type: ignore[attr-defined]
