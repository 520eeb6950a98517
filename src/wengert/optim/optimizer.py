"""What all update rules share: the step over a tree, and the same in the style of the tape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.compile.jit import Jit, jit
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten
from wengert.optim.leaves import Leaves, cast, empty, restored, working, working_shape
from wengert.transform.tape import Variable

Rate = float | Callable[[Any], Any]
Clip = Callable[[Any], Any] | Sequence[Callable[[Any], Any]]
State = dict[str, Any]

#: From so many numbers on, a parameter on the tape is moved by a compiled rule: it pays for the compilation.
LARGE = 4096
_OWN = {"kept", "state", "variables", "_native"}


class Optimizer:
    """An update rule. It keeps nothing between steps of `update`; `step` keeps its state in the optimizer.

    A rule states the names of what it keeps for each parameter (`kept`), the numbers that a step needs (`scalars`), and
    what becomes of one parameter (`rule`, which is compiled sooner or later, and depends on its arguments alone).
    Everything else is here.

    **Functional style**: `state = opt.init(params)`, `params, state = opt.update(grads, state, params)`. Both are pure,
    so that a whole training step can be one function of `wg.jit`.
    **Style of the tape**: `opt = Adam(model, lr=…)` or `Adam(model.parameters(), lr=…)`, then `opt.zero_grad()`,
    `loss.backward()`, `opt.step()`.
    """

    kept: tuple[str, ...] = ()
    lr: Rate
    clip: tuple[Callable[[Any], Any], ...]
    variables: list[Variable] | None
    _native: Jit
    state: State

    def __init__(self, params: Any, lr: Rate, clip: Clip | None, **settings: Any) -> None:
        if not callable(lr):
            at_least_zero("lr", lr)
        steps = () if clip is None else tuple(clip) if isinstance(clip, (list, tuple)) else (clip,)
        if not all(callable(step) for step in steps):
            raise ArgumentError(
                f"clip is a function of the gradients, or several, and was {clip!r}",
                wrong=f"{type(self).__name__}(clip=1.0)",
                right=f"{type(self).__name__}(clip=ClipNorm(1.0))",
            )
        for name, value in {"lr": lr, "clip": steps, **settings}.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_native", jit(self.rule))
        self.variables = None if params is None else _variables(params, type(self).__name__)
        self.state = {} if self.variables is None else self.init([v.data for v in self.variables])

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("state", "variables"):
            raise ArgumentError(
                f"{name} of an optimizer is fixed: a compiled step would not see that it changed",
                wrong=f"opt.{name} = …",
                right="opt.update(grads, state, params, lr=rate), opt.step(lr=rate), or a schedule: "
                f"{type(self).__name__}(lr=wg.optim.CosineDecay(0.1, 1000))",
            )
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = {k: v for k, v in vars(self).items() if k not in _OWN and v != ()}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"

    # What a rule states ---------------------------------------------------------------------------------------------

    def scalars(self, count: Any, lr: Any) -> tuple[Any, ...]:
        """The numbers that the rule needs in step number `count` (1, 2, …), the same for every parameter."""
        return (lr,)

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        """The next value of one parameter p with the gradient g, followed by what is kept for it."""
        raise NotImplementedError

    # Functional style -----------------------------------------------------------------------------------------------

    def init(self, params: Any) -> State:
        """The state before the first step.

        **Arguments**: `params`, a pytree of floating-point numbers and arrays; buffers of modules are left out.
        **Returns**: a dictionary of arrays: `step`, how many steps were done, and for each name in `kept` a list with
        an array for each trained leaf, in the order of the leaves. It can be saved, compiled and mapped over as it is.
        **Raises**: `ArgumentError` for parameters that are not floating-point numbers.
        """
        return self.begin(Leaves(params).values)

    def update(self, grads: Any, state: State, params: Any, *, lr: Any = None) -> tuple[Any, State]:
        """The parameters and the state after one step.

        **Arguments**: `grads`, a tree like `params`; `state`, of `init` or of the step before; `params`; `lr`, the
        learning rate of this step, if it is not the optimizer's own: a number, which may be traced.
        **Returns**: `(params, state)`, new trees. Each parameter keeps its dtype. NaN in a gradient goes into its
        parameter, as every operation of NumPy passes it on.
        **Raises**: `ShapeError` for gradients or a state that do not fit the parameters.
        **Cost**: a few operations per element; compiled, one loop per parameter.
        """
        leaves = Leaves(params)
        values, state = self._advanced(leaves.values, leaves.gradients(grads), state, lr)
        return leaves.tree(values), state

    def begin(self, values: Sequence[Any]) -> State:
        """The state for these leaves."""
        return {"step": np.int64(0), **{name: [empty(v) for v in values] for name in self.kept}}

    def _advanced(
        self, values: list[Any], grads: list[Any], state: State, lr: Any, **more: Any
    ) -> tuple[list[Any], State]:
        self._check(state, values)
        for change in self.clip:
            grads = _changed(change, grads)
        done = state["step"]
        if lr is None:
            lr = self.lr(done) if callable(self.lr) else self.lr
        if not isinstance(lr, (int, float, np.generic, np.ndarray, Tracer)) or shape_of(lr):
            what = f"an array of shape {shape_of(lr)}" if hasattr(lr, "shape") else repr(lr)
            raise ArgumentError(f"the learning rate of a step is one number, and was {what}")
        new, state = self.advance([working(v) for v in values], [working(g) for g in grads], state, lr, **more)
        return [restored(n, v) for n, v in zip(new, values, strict=True)], {"step": done + 1, **state}

    def advance(
        self, values: list[Any], grads: list[Any], state: State, lr: Any, *, native: bool = False, **_: Any
    ) -> tuple[list[Any], State]:
        """The next leaves, and the state but for the number of the step; `native`: large ones by compiled rules."""
        scalars = self.scalars(state["step"] + 1, lr)
        casts: dict[Aval, list[Any]] = {}  # of the scalars, once for each precision
        new: list[Any] = []
        kept: State = {name: [] for name in self.kept}
        for i, (p, g) in enumerate(zip(values, grads, strict=True)):
            aval = Aval((), aval_of(p).dtype, aval_of(p).weak)
            if aval not in casts:
                casts[aval] = [s if type(s) is float else cast(s, aval) for s in scalars]
            rule = self._native if native and math.prod(aval_of(p).shape) >= LARGE else self.rule
            p, *rest = rule(p, g, tuple(state[name][i] for name in self.kept), *casts[aval])
            new.append(p)
            for name, value, old in zip(self.kept, rest, (state[name][i] for name in self.kept), strict=True):
                kept[name].append(cast(value, aval_of(old)))
        return new, kept

    def forms(self, values: Sequence[Any]) -> dict[str, list[tuple[int, ...]]]:
        """The shapes of what is kept for these leaves."""
        return {name: [working_shape(v) for v in values] for name in self.kept}

    def _check(self, state: State, values: Sequence[Any]) -> None:
        names = {"step", *self.kept}
        if not isinstance(state, Mapping) or {*state} != names:
            given = ", ".join(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
            raise ShapeError(
                f"the state is that of another optimizer: it has {given}, and {type(self).__name__} keeps "
                f"{', '.join(sorted(names))}",
                wrong="params, state = opt.update(state, grads, params)",
                right="state = opt.init(params); params, state = opt.update(grads, state, params)",
            )
        for name, want in self.forms(values).items():
            have = [aval_of(v).shape for v in state[name]]
            if have != want:
                raise ShapeError(
                    f"the state was made for other parameters: {name} has shapes {have}, and should have {want}",
                    right="state = opt.init(params)",
                )

    # Style of the tape ------------------------------------------------------------------------------------------------

    def step(self, *, lr: Any = None) -> None:
        """Move the Variables along the gradients that `backward()` left.

        A Variable without a gradient stays as it is, and so does what is kept for it.

        **Raises**: `ArgumentError` if the optimizer was made without parameters, or none of them has a gradient.
        """
        variables = self.owned()
        chosen = [i for i, v in enumerate(variables) if v.grad is not None]
        if variables and not chosen:
            raise ArgumentError(
                "none of the parameters has a gradient", wrong="opt.step()", right="loss.backward(); opt.step()"
            )
        part = {name: [self.state[name][i] for i in chosen] for name in self.kept}
        leaves = Leaves([variables[i].data for i in chosen])
        grads = leaves.gradients([variables[i].grad for i in chosen])
        values, state = self._advanced(leaves.values, grads, {**self.state, **part}, lr, native=True)
        for i, value in zip(chosen, values, strict=True):
            variables[i].data = value
        for name in self.kept:
            every = list(self.state[name])
            for i, value in zip(chosen, state[name], strict=True):
                every[i] = value
            state[name] = every
        self.state = state

    def zero_grad(self) -> None:
        """Forget the gradients of all Variables, before the next backward pass."""
        for variable in self.owned():
            variable.zero_grad()

    def owned(self) -> list[Variable]:
        """The Variables that it was made for."""
        if self.variables is None:
            name = type(self).__name__
            raise ArgumentError(
                "this optimizer was made without parameters, and has nothing to step",
                wrong=f"opt = {name}(lr=0.1); opt.step()",
                right=f"opt = {name}(model, lr=0.1)   or   params, state = opt.update(grads, state, params)",
            )
        return self.variables


def _changed(change: Callable[[Any], Any], grads: list[Any]) -> list[Any]:
    """The gradients after one function of `clip`."""
    new = flatten(change(grads))[0]
    have, want = ([aval_of(g).shape for g in gs] for gs in (new, grads))
    if have != want:
        raise ShapeError(f"a function in clip has made gradients of shapes {have} from gradients of shapes {want}")
    return [cast(g, aval_of(old)) for g, old in zip(new, grads, strict=True)]


def _variables(params: Any, name: str) -> list[Variable]:
    """The Variables of a model, of its `parameters()`, or of any tree of them, each once."""
    if callable(getattr(params, "parameters", None)):
        params = params.parameters()
    if isinstance(params, Iterable) and not isinstance(params, (Mapping, list, tuple, Variable, np.ndarray)):
        params = list(params)
    leaves, _ = flatten(params)
    for leaf in leaves:
        if not (isinstance(leaf, Variable) and leaf.is_leaf):
            raise ArgumentError(
                f"{name} moves Variables, and was given a {type(leaf).__name__}",
                wrong=f"{name}(0.1), {name}(arrays, lr=0.1)",
                right=f"{name}(lr=0.1)   or   {name}(model, lr=0.1), {name}([wg.Variable(w)], lr=0.1)",
            )
    if not leaves:
        raise ArgumentError(
            f"{name} was given no Variables to move",
            wrong=f"parameters = (p for p in …); list(parameters); {name}(parameters)   # used up",
            right=f"{name}(model)   or   {name}(lr=0.1), in the functional style",
        )
    return list({id(v): v for v in leaves}.values())


def at_least_zero(name: str, value: Any) -> None:
    """A learning rate, a decay or an ε is a number that is not negative."""
    if not isinstance(value, (int, float, np.floating, np.integer)) or not 0 <= value < np.inf:
        raise ArgumentError(f"{name} is a number that is not negative, and was {value!r}")


def two_below_one(betas: Any) -> None:
    """The factors β₁ and β₂ of two exponential means."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ArgumentError(f"betas are two numbers, and were {betas!r}", right="betas=(0.9, 0.999)")
    for name, beta in zip(("β₁", "β₂"), betas, strict=True):
        below_one(name, beta)


def below_one(name: str, value: Any) -> None:
    """A momentum, or another factor of an exponential mean."""
    if not isinstance(value, (int, float, np.floating, np.integer)) or not 0 <= value < 1:
        raise ArgumentError(f"{name} is a number from 0 up to, but not equal to, 1, and was {value!r}")
