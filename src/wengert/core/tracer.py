"""A traced value, and the level of the transformation that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ConversionError
from wengert.core.location import in_polynomial_class, scipy_call

if TYPE_CHECKING:
    from wengert.core.primitive import Primitive

_ranks = count(1)
_running: ContextVar[bool] = ContextVar("wengert_running", default=False)


class Level:
    """One running transformation; of two levels the one begun later is the inner one.

    The rank comes from one counter for the whole process: what a transformation can meet was made before it began, so
    a later rank is always further in, in whichever thread or task it runs. Nested derivatives cannot be confused.
    """

    __slots__ = ("closed", "rank")

    def __init__(self, rank: int | None = None) -> None:
        self.rank = next(_ranks) if rank is None else rank
        self.closed = False

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Apply a primitive of whose arguments at least one belongs to this level, and none to a further-in one."""
        raise NotImplementedError

    def branch(self, tracer: Tracer, outcome: Any) -> None:
        """The program is about to take a branch by the value of `tracer`; only a recording level remembers."""


class Tracer:
    """A value that is being followed: it carries its number and behaves as that number would in NumPy."""

    __slots__ = ("__weakref__", "level", "link", "value", "views")
    __array_priority__ = 1000.0
    fields: tuple[str, ...] = ("level", "value")
    updatable = True  # in place
    decided = True  # whether a program may ask for its number, and go one way or another by it
    copies_share = True  # a copy may have the tangent of what was copied, without an operation in between
    level: Level
    value: Any
    link: Any  # of a view, see alias.py
    views: Any

    # Updates in place, see alias.py -------------------------------------------------------------------------------

    @property
    def is_cell(self) -> bool:
        """Whether it is an array, which an update changes, and not a number, which is replaced by another."""
        return bool(self.shape) or type(concrete(self)) is np.ndarray

    def frozen(self) -> Any:
        """The value as it is now: what is kept for later must not follow in-place updates of the user's array."""
        if not self.is_cell:
            return self
        copy = object.__new__(type(self))
        for field in self.fields:
            setattr(copy, field, getattr(self, field))
        return copy

    def as_number(self) -> Any:
        """The same as a Python number, where that makes a difference to whoever follows it."""
        return self

    def check_update(self) -> None:
        """Raise where an update could not be followed."""

    def become(self, value: Any) -> None:
        """From now on stand for what `value`, of the same level, stands for."""
        for field in self.fields:
            setattr(self, field, getattr(value, field))

    def become_name(self, names: Level, value: Any) -> None:
        """From now on be a name for a value of another level, or for a plain array."""
        self.level, self.value = names, value

    def follows(self, base: Any) -> bool:
        """Whether this view is read again when its base was updated."""
        return True

    def lends_to(self, view: Any, get: Callable[[Any], Any]) -> bool:
        """Whether `view`, which is `get` of this array, shares its memory."""
        ours, theirs = concrete(self), concrete(view)
        return isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray) and np.may_share_memory(ours, theirs)

    # What NumPy asks of an array ------------------------------------------------------------------------------

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.value)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))  # type: ignore[index]

    # Where a number is needed -----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        outcome = bool(self.value)
        self.level.branch(self, outcome)
        return outcome

    def __index__(self) -> int:
        if self.dtype.kind not in "iub" or self.shape:
            self._refuse(
                "an integer", "x[int(i)], range(n)", "integers that are not traced (arguments not named in argnums)"
            )
        outcome = int(self.value)
        self.level.branch(self, outcome)
        return outcome

    __int__ = __index__

    def __float__(self) -> float:
        self._refuse("a Python float", "math.sin(x), float(x), y[0] = x",
                     "np.sin(x), x, y = np.stack([x, …])")  # fmt: skip

    def __complex__(self) -> complex:
        self._refuse("a Python complex", "complex(x)", "x")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._refuse("a plain array", "np.array([x, y]), np.full(n, x), np.mean([x, y]), y[:] = x",
                     "np.stack([x, y]), x * np.ones(n)   or import wengert.numpy as np")  # fmt: skip

    def __trunc__(self) -> NoReturn:
        self._refuse("a Python integer", "math.trunc(x)", "np.trunc(x)")

    def as_integer_ratio(self) -> NoReturn:
        """Refused: `statistics` and `fractions` compute with exact plain numbers."""
        self._refuse("a fraction", "statistics.mean(x), Fraction(x)", "np.mean(x), x")

    def tobytes(self, *args: Any) -> NoReturn:
        """Refused, as everything that hands out the memory."""
        self._refuse("bytes", "x.tobytes(), x.tofile(f), x.dump(f)", "return x from the function and write the result")

    tofile = dump = dumps = byteswap = getfield = tobytes

    def item(self, *args: Any) -> NoReturn:
        """Refused: a plain number would no longer be followed."""
        self._refuse("a plain number", "x.item()", "x, or x.sum() where x has one element")

    def tolist(self) -> NoReturn:
        """Refused: plain numbers would no longer be followed."""
        self._refuse("a list of plain numbers", "x.tolist()", "list(x)")

    def __copy__(self) -> Any:
        return np.copy(self) if self.is_cell else self

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()  # of the level there is no copy: it would follow something else

    def __reduce__(self) -> Any:
        self._refuse("bytes (pickle)", "pickle.dumps(x)", "return x from the function, then pickle the result")

    def _refuse(self, what: str, wrong: str, right: str) -> NoReturn:
        call = scipy_call()
        if call is not None:
            module, name = call
            wrong, right = f"scipy.{module}.{name}(x)", f"from wengert.scipy import {module}; {module}.{name}(x)"
        elif in_polynomial_class():
            wrong = "np.polynomial.Polynomial(c)(x), np.polynomial.polynomial.polymul(a, b)"
            right = "np.polynomial.polynomial.polyval(x, c) of a plain c; np.polyval(c, x), np.convolve(a, b)"
        raise ConversionError(
            f"a traced value would become {what} here and lose its derivative", wrong=wrong, right=right
        )

    # How it prints -----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"Traced({concrete(self)!r})"

    __str__ = __repr__  # no text that float() would read: the derivative would be lost on the way

    def __format__(self, spec: str) -> str:
        return Written(format(concrete(self), spec)) if spec else repr(self)


class Written(str):
    """A traced number in print, to be read by people; as a number again it would have lost its derivative."""

    __slots__ = ()

    def __float__(self) -> NoReturn:
        raise ConversionError(
            "the text of a traced value would be read as a number again and lose its derivative",
            wrong='float(f"{x:.3f}")',
            right="np.round(x, 3), or x",
        )

    __int__ = __complex__ = __float__


def known(value: Any) -> bool:
    """Whether there is a number behind a value, by which a program may decide what to do."""
    while isinstance(value, Tracer):
        if not value.decided:
            return False
        value = value.value
    return True


def concrete(value: Any) -> Any:
    """The plain number or array at the bottom of any number of tracers."""
    while isinstance(value, Tracer):
        value = value.value
    return value


def run(level: Level, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call the user's function; afterwards its level is closed and takes no more operations."""
    token = _running.set(True)
    try:
        return f(*args, **kwargs)
    except SystemError as error:  # SciPy's compiled loops return as if nothing had happened
        if isinstance(error.__cause__, ConversionError):
            raise error.__cause__ from None
        raise
    except (ValueError, TypeError) as error:
        # NumPy hides our refusal to be assigned into a plain array behind a message of its own.
        if isinstance(error.__cause__, ConversionError) and not isinstance(error, ConversionError):
            raise assignment_error(error.__cause__) from error
        raise
    finally:
        level.closed = True
        _running.reset(token)


def is_running() -> bool:
    """Whether a transformation is tracing a function here."""
    return _running.get()


def assignment_error(cause: ConversionError) -> ConversionError:
    """`y[0] = x` where y is a plain array: NumPy can store numbers only."""
    return ConversionError(
        "a traced value was assigned into a plain NumPy array, which would cut it off from its derivative",
        wrong="y = np.zeros(n); y[i] = x",
        right="y = np.zeros(n, like=x); y[i] = x   or np.stack([…]) from a list of the elements",
        location=cause.location,
    )
