"""A primitive: an operation, its rule per argument, and what the printers need to know of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from wengert.core.errors import LeakedTracerError
from wengert.core.rule import Constant, Partial, Rule
from wengert.core.tracer import Tracer

#: The library's own primitives by name: the generated tests, the printers and the coverage page read it.
REGISTRY: dict[str, Primitive] = {}


class Notation(NamedTuple):
    """How an operation is written.

    `symbol` labels it in a drawing or a table. `python` and `latex` are templates: `{0}`, `{1}` are its arguments,
    `{args}` all of them, `{params}` its parameters as keywords, `{axis}` one parameter. An argument is put in
    parentheses where its own precedence is lower than that of its place, `{0:5}`; no number: no parentheses needed.
    `precedence` of the whole: 4 sum, 5 product, 6 sign, 7 power, 9 a call or a name.
    """

    symbol: str
    python: str
    latex: str
    precedence: int = 9


class Primitive:
    """An operation that is differentiated by its own rules instead of by looking inside.

    **Arguments**: `impl(*args, **params)`, plain NumPy; `rules`, one `Rule` per argument, or a function from the
    position to its rule where the number of arguments is open; `aval(*avals, **params)`, its shape and dtype;
    `joint`: its `Linear` arguments are linear together (a sum, a concatenation) and not one by one (a product).
    `outputs`: more than one makes it return a tuple, and a pushforward a tuple of tangents (None for zero).
    `complex`: the rules hold for complex numbers too: a `Partial` is the complex derivative of a holomorphic function,
    `Linear` a transpose, both conjugated where they are used; "adjoint": a `Linear` is the adjoint itself (Re z, z̄).
    `domain`: an interval per argument in which its rules hold (tests sample there); `reference`: the name of the same
    function in mpmath, or a function of mpmath numbers. `batch`: how it is applied to many examples at once, see
    `core/batching.py`.
    """

    structured = False  # see Structured
    # For power series (transform/expansion.py), where the rules alone would make one for every order:
    # (i, fn): argument i of z = x/y is fn(z, y) again, in which fn(z, *changes, **params) is linear in the changes of
    # all other arguments together, and in z
    undo: tuple[int, Callable[..., Any]] | None = None
    closing: Mapping[int, Callable[..., Any]] = MappingProxyType({})  # i: ∂z/∂arg as fn(z, *args) of z; or None

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        rules: Sequence[Rule | None] | Callable[[int], Rule | None],
        *,
        aval: Callable[..., Any] | None = None,
        notation: Notation | None = None,
        joint: bool = False,
        outputs: int = 1,
        domain: Sequence[tuple[float, float]] = (),
        reference: Any = None,
        complex: bool | str = False,
        batch: Callable[..., Any] | None = None,
    ) -> None:
        self.batch = batch
        self.name = self.__name__ = name
        self.__doc__ = impl.__doc__
        self.impl = impl
        self.rules = rules
        self.rule: Callable[[int], Rule | None]
        if callable(rules):
            self.rule = rules
        else:
            fixed = tuple(rules)
            self.rule = lambda i: fixed[i] if i < len(fixed) else None
            self.rules = fixed
        self.aval = aval
        self.joint = joint
        self.outputs = outputs
        self.notation = notation or Notation(name, f"{name}({{args}})", rf"\operatorname{{{name}}}({{args}})")
        self.domain = domain
        self.reference = reference
        self.complex = complex
        # Whether its linear maps hold on to arguments, which the user could change before the reverse pass.
        self.keeps = callable(rules) or any(
            not isinstance(r, Constant) and not (isinstance(r, Partial) and r.constant is not None) for r in fixed
        )

    def __call__(self, *args: Any, **params: Any) -> Any:
        return bind(self, args, params)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def _no_rule(i: int) -> Rule | None:
    return None


class Structured(Primitive):
    """An operation made of other operations: a loop, a branch. Its derivative is stated for all arguments at once.

    It returns a tuple, whose length depends on its parameters. Its `impl` and `aval` are methods.
    """

    structured = True
    opaque = False  # whether it cannot be taken apart: of what is in it a derivative is stated, and nothing else known

    def __init__(self, name: str) -> None:
        notation = Notation(name, f"{name}({{args}}, {{params}})", rf"\operatorname{{{{{name}}}}}\left({{args}}\right)")
        several = sys.maxsize
        super().__init__(name, self.run, _no_rule, aval=self.avals, outputs=several, notation=notation, complex=True)

    def run(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        """The outputs, of plain values."""
        raise NotImplementedError

    def avals(self, *avals: Any, **params: Any) -> tuple[Any, ...]:
        """The outputs' shapes and dtypes."""
        raise NotImplementedError

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        """The outputs and their tangents, None for zero; None instead of both: it must be expanded.

        `apart`: the tangents come from operations that are linear in tangents only, which can be transposed.
        """
        raise NotImplementedError

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        """The cotangents of the active arguments, in which the operation is linear; cts are None for zero."""
        raise NotImplementedError

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        """Whether `transpose` knows how."""
        raise NotImplementedError

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        """The same, one by one by the operations that it is made of."""
        raise NotImplementedError

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        """The outputs for n examples at once, and which of them are batched; `on`: which arguments are."""
        raise NotImplementedError

    def sample(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        """Results of the right shapes and dtypes, whatever their numbers, at the price of one step."""
        raise NotImplementedError


def bind(primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """Apply a primitive: the innermost transformation among its arguments decides what that means."""
    top = None
    for arg in args:
        if isinstance(arg, Tracer):
            level = arg.level
            if top is None or level.rank > top.rank:
                top = level
    if top is None:
        return primitive.impl(*args, **params)
    if top.closed:
        raise LeakedTracerError(
            f"{primitive.name} was given a traced value whose transformation has ended",
            wrong="keep.append(x)            # inside the function that is differentiated",
            right="return loss, x            # with has_aux=True: hand it out as a result",
        )
    return top.process(primitive, args, params)
