"""Modules: classes whose fields are the numbers of a network, in the functional style and in the style of the tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.location import CALLS
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten as tree_leaves
from wengert.graph.body import StepTracer
from wengert.graph.call import CallTracer
from wengert.nn.fields import Entry, Record, Walk, trainable, unflatten
from wengert.nn.structure import Buffer, Fixed, Group, Parameter, Part, Role
from wengert.transform.tape import Variable, no_grad

if TYPE_CHECKING:
    from wengert.nn.summary import Summary

__all__ = ["Buffer", "Module", "Parameter", "observed", "trainable"]

_observer: ContextVar[Callable[[Module, Any], None] | None] = ContextVar("wengert_observer", default=None)


class Module(Record):
    """A network or a part of one: a class with numbers that are trained, and a function `forward` of them.

    Fields are declared by annotation. A `Parameter` is trained, a `Buffer` is carried along, another module is a part
    of this one, also in lists, tuples and dicts; anything else is fixed. What is not declared goes by its value: a
    `Variable` is a parameter, an array a buffer.

    Built, a module holds Variables: `loss.backward()` and `p.data -= lr * p.grad` work, as in PyTorch and micrograd.
    It is a pytree too, whose leaves are the plain arrays of its parameters and buffers: `wg.grad(loss)(model, x)` is a
    module of gradients, and `wg.jit` takes and returns modules. In what comes out of a transformation the fields are
    plain arrays. A parameter or a module that stands in two places is one leaf, and stays shared.

    **Attributes**: `training`, set by `train` and `eval`.
    **Methods**: `forward`, to be written; `parameters`, `named_parameters`, `named_buffers`, `named_modules`,
    `children`, `zero_grad`, `train`, `eval`, `state_dict`, `load_state_dict`, `astype`, `plain`, `summary`; and
    `num_parameters`, a number.
    **Raises**: `ArgumentError` for a field that can neither be followed nor compared.
    **Cost**: a call is that of `forward`; taking a module apart for a transformation takes some microseconds
    a field where it is freshly built, and half of one where it came out of a transformation.

    >>> import numpy as np, wengert as wg
    >>> class Line(wg.nn.Module):
    ...     slope: wg.nn.Parameter
    ...     shift: wg.nn.Parameter
    ...     def __init__(self):
    ...         self.slope, self.shift = 2.0, np.array([1.0, -1.0])
    ...     def forward(self, x):
    ...         return self.slope * x + self.shift
    >>> line = Line()
    >>> line(3.0).sum().backward()
    >>> [(name, p.grad) for name, p in line.named_parameters()]
    [('slope', 6.0), ('shift', array([1., 1.]))]
    >>> wg.grad(lambda line: line(3.0).sum())(line).shift
    array([1., 1.])

    **Source**: the habits of PyTorch's `nn.Module`; modules as pytrees: Kidger & Garcia, "Equinox" (2021).
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = self.forward(*args, **kwargs)
        observer = _observer.get()
        if observer is not None:
            observer(self, out)
        return out

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every kind of module writes its own."""
        raise ArgumentError(
            f"{type(self).__name__} does not say what it computes",
            wrong=f"class {type(self).__name__}(Module): …",
            right="def forward(self, x): return …   inside of the class",
        )

    # What is in it -------------------------------------------------------------------------------------------------

    def named_parameters(self) -> list[tuple[str, Variable]]:
        """Paths such as "layers.0.weight" and Variables; one that stands in two places comes once.

        In a module that came out of a transformation the plain arrays are replaced by Variables, here and now.
        """
        walk = Walk(self)
        parameters = _once(walk, "parameter")
        traced = next(
            (e for e in parameters if isinstance(e.value, Tracer) and not isinstance(e.value, Variable)), None
        )
        if traced is not None:
            raise ArgumentError(
                f"{traced.path} is traced by a transformation here, and has no gradient of its own",
                wrong="loss.backward(), for p in model.parameters(): …   inside of the function",
                right="value, grads = wg.value_and_grad(loss)(model, batch)",
            )
        if any(not isinstance(entry.value, Variable) for entry in parameters):
            leaves = walk.leaves.copy()
            for entry in walk.entries:
                if entry.role == "parameter" or isinstance(entry.value, Variable):
                    keep = isinstance(entry.value, Variable)
                    if keep or not isinstance(leaves[entry.number], Variable):
                        leaves[entry.number] = entry.value if keep else Variable(entry.value)
            unflatten(walk.structure, leaves, [module for _, module in walk.modules])
            parameters = _once(Walk(self), "parameter")
        return [(entry.path, entry.value) for entry in parameters]

    def parameters(self) -> list[Variable]:
        """What is trained, in the order in which the fields were assigned."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> list[tuple[str, Any]]:
        """Paths and arrays of what is carried along and not trained."""
        return [(entry.path, _plain(entry.value)) for entry in _once(Walk(self), "buffer")]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Paths of all modules in this one, itself first, under the path ""."""
        return [(path, module) for path, module in Walk(self).modules if isinstance(module, Module)]

    def children(self) -> list[Module]:
        """The modules directly in this one."""
        walk = Walk(self)
        parts = [part for _, form in walk.structure.modules[0][2] for part in _parts(form)]
        return [child for part in dict.fromkeys(parts) if isinstance(child := walk.modules[part][1], Module)]

    @property
    def num_parameters(self) -> int:
        """How many numbers are trained."""
        return sum(int(np.size(_plain(entry.value))) for entry in _once(Walk(self), "parameter"))

    # What is done with it ------------------------------------------------------------------------------------------

    def zero_grad(self) -> None:
        """Forget the gradients, before the next backward pass."""
        for entry in Walk(self).entries:
            if isinstance(entry.value, Variable):
                entry.value.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Turn training on (dropout drops, batch norm uses the batch's statistics), for all that is in it."""
        for _, module in Walk(self).modules:
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """Turn training off."""
        return self.train(False)

    def astype(self, dtype: Any) -> Self:
        """A new module, whose parameters and floating buffers have another dtype.

        >>> import numpy as np, wengert as wg
        >>> wg.nn.Linear(2, 3).astype(np.float32).weight.dtype
        dtype('float32')
        """
        dtype = np.dtype(dtype)
        if dtype.kind not in "fc":
            raise ArgumentError(f"parameters cannot be {dtype}: they are trained", right="model.astype(np.float32)")
        walk = Walk(self)
        leaves = list(walk.leaves)
        for entry in walk.entries:
            value = _plain(entry.value)
            inexact = isinstance(value, (float, complex)) or np.asarray(value).dtype.kind in "fc"
            value = np.asarray(value, dtype if inexact else None)
            if not isinstance(leaves[entry.number], Variable):
                leaves[entry.number] = Variable(value) if isinstance(entry.value, Variable) else value.copy()
        new = unflatten(walk.structure, leaves)
        assert isinstance(new, type(self))
        return new

    def plain(self) -> Self:
        """A new module that holds plain arrays instead of Variables: calling it is NumPy, and leaves nothing on a tape.

        >>> import wengert as wg
        >>> wg.nn.MLP(2, [3, 1], engine="array", rng=0).plain()([1.0, 2.0]).round(4)
        np.float64(0.9766)
        """
        walk = Walk(self)
        new = unflatten(walk.structure, [np.array(v) if isinstance(v, np.ndarray) else v for v in walk.leaves])
        assert isinstance(new, type(self))
        return new

    def state_dict(self) -> dict[str, Any]:
        """Path → a copy of the array, for every parameter and buffer.

        >>> import wengert as wg
        >>> list(wg.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        return {entry.path: np.array(_plain(entry.value)) for entry in Walk(self).entries}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Self:
        """Take the values of `state`, a dict as `state_dict` makes it; Variables stay the same objects.

        **Arguments**: `strict=False` lets names be missing or unknown. **Returns**: the module itself.
        **Raises**: `ShapeError`, before anything is changed, for names, shapes and dtypes that do not fit.
        """
        walk = Walk(self)
        known = {entry.path: entry for entry in walk.entries}
        missing, unknown = [p for p in known if p not in state], [p for p in state if p not in known]
        if strict and (missing or unknown):
            parts = [f"without {', '.join(missing)}"] * bool(missing) + [f"with {', '.join(unknown)}"] * bool(unknown)
            raise ShapeError(
                f"the state of another {type(self).__name__}: {' and '.join(parts)}",
                right="a model with the same layers   or   load_state_dict(state, strict=False)",
            )
        new = {path: _fitting(path, state[path], _plain(e.value)) for path, e in known.items() if path in state}
        leaves: list[Any] = list(walk.leaves)
        for path, entry in known.items():
            if isinstance(entry.value, Variable):
                leaves[entry.number] = entry.value
                if path in new:
                    entry.value.data = new[path]
            elif path in new:
                leaves[entry.number] = new[path]
        unflatten(walk.structure, leaves, [module for _, module in walk.modules])
        return self

    def check_state(self, name: str, x: Any) -> None:
        """Raise where `forward(x)` is recorded to run again, and would assign buffer `name` only while it is recorded.

        For layers whose buffers change: to be called before they are read.
        """
        if not isinstance(getattr(self, name), Tracer) and _is_recorded(x):
            raise ArgumentError(
                f"a {type(self).__name__} in training changes its {name}, but a compiled program that is not given the "
                "model would do this once, while it is recorded",
                wrong="wg.jit(lambda x: model(x))",
                right="def run(model, x): model = model.plain(); return model(x), model   or model.eval()",
            )

    # How it prints -------------------------------------------------------------------------------------------------

    def summary(self, *args: Any, **kwargs: Any) -> Summary:
        """A table of the modules: shape of the result for these arguments (if there are any), number of parameters.

        >>> import numpy as np, wengert as wg
        >>> print(wg.nn.Linear(2, 3).summary(np.zeros((5, 2))))
        module   result   parameters
        ────────────────────────────
        Linear   (5, 3)            9
        """
        from wengert.nn.summary import Row, Summary  # and with it rich

        walk = Walk(self)
        copies = [object.__new__(type(module)) for _, module in walk.modules]
        copy = unflatten(walk.structure, walk.leaves, copies)
        shapes: dict[int, Any] = {}

        def note(module: Module, out: Any) -> None:
            found = [shape_of(leaf) for leaf in tree_leaves(out)[0]]
            shapes[id(module)] = found[0] if len(found) == 1 else tuple(found)

        if args or kwargs:
            assert isinstance(copy, Module)
            with observed(note), no_grad():
                copy(*args, **kwargs)
        return Summary([
            Row(path, type(module).__name__, shapes.get(id(copy)), module.num_parameters)
            for (path, module), copy in zip(walk.modules, copies, strict=True) if isinstance(module, Module)
        ])  # fmt: skip

    def extra_repr(self) -> str:
        """What stands in the parentheses: by default the fixed fields that are numbers, text or named functions."""
        words = []
        for name, form in Walk(self).structure.modules[0][2]:
            if isinstance(form, Fixed) and not name.startswith("_"):
                if isinstance(form.value, (bool, int, float, str)):
                    words.append(f"{name}={form.value!r}")
                elif hasattr(form.value, "__name__"):
                    words.append(f"{name}={form.value.__name__}")
        return ", ".join(words)

    def __repr__(self) -> str:
        inner = {path: module for path, module in self.named_modules() if path}
        lines = [f"{type(self).__name__}({self.extra_repr()})  # {_count(self)}"]
        for path, module in inner.items():
            lines.append(f"  {path}: {type(module).__name__}({module.extra_repr()})  # {_count(module)}")
        return "\n".join(lines)


CALLS[Module.__call__.__code__] = lambda frame: type(frame.f_locals["self"]).__name__


def _is_recorded(x: Any) -> bool:
    while isinstance(x, Tracer):
        if isinstance(x, (CallTracer, StepTracer)):
            return True
        x = x.value
    return False


def _parts(form: Any) -> Iterator[int]:
    if isinstance(form, Part):
        yield form.number
    elif isinstance(form, Group):
        for inner in form.forms:
            yield from _parts(inner)


def _count(module: Module) -> str:
    count = module.num_parameters
    return f"{count:,} parameter{'s' if count != 1 else ''}"


def _once(walk: Walk, role: Role) -> list[Entry]:
    first = {entry.number: entry for entry in reversed(walk.entries)}
    return [first[index] for index in sorted(first) if first[index].role == role]


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Variable) else value


def _fitting(path: str, value: Any, old: Any) -> Any:
    """A loaded value in the dtype of the one that it replaces."""
    new, old = np.asarray(_plain(value)), np.asarray(old)
    if new.shape != old.shape:
        raise ShapeError(f"{path} has shape {old.shape} in this model and {new.shape} in the state")
    if new.dtype != old.dtype and not np.can_cast(new.dtype, old.dtype, "same_kind"):
        raise ShapeError(f"{path} is {old.dtype} in this model and {new.dtype} in the state")
    return np.array(new, old.dtype)


@contextmanager
def observed(observer: Callable[[Module, Any], None]) -> Iterator[None]:
    """Inside, `observer(module, result)` is called after each call of a module."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)
