"""Functions that are given by an equation or a minimum: solved by SciPy, differentiated by the implicit theorem."""

from wengert.implicit.equation import custom, fixed_point, root
from wengert.implicit.function import ConvergenceError
from wengert.implicit.initial_value import solve_ivp
from wengert.implicit.linear import linear_solve
from wengert.implicit.optimum import least_squares, minimize
from wengert.implicit.trajectory import odeint

__all__ = ["ConvergenceError", "custom", "fixed_point", "least_squares", "linear_solve", "minimize", "odeint", "root",
           "solve_ivp"]  # fmt: skip
