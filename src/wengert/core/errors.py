"""Every error that Wengert raises by itself: what happened, where in the user's code, what to write instead."""

from __future__ import annotations

from wengert.core.location import Location, user_location


class WengertError(Exception):
    """The root of Wengert's errors; `wrong` and `right` are the line as it is and as it should be."""

    def __init__(self, message: str, *, wrong: str = "", right: str = "", location: Location | None = None) -> None:
        self.location = location if location is not None else user_location()
        self.wrong, self.right = wrong, right
        lines = [message]
        if self.location is not None:
            text = self.location.text
            lines.append(f"  at {self.location.file}:{self.location.line}" + (f": {text}" if text else ""))
        if wrong:
            lines.append(f"  instead of  {wrong}")
        if right:
            lines.append(f"  write       {right}")
        super().__init__("\n".join(lines))


def check_callable(f: object, name: str) -> None:
    """A transformation takes the function itself."""
    if not callable(f):
        raise ArgumentError(
            f"{name} takes a function, not {'a ' + type(f).__name__}", wrong=f"{name}(f(x))", right=f"{name}(f)(x)"
        )


class ConversionError(WengertError, TypeError):
    """A traced value was to become a plain number or array, which would silently cut it off from its derivative."""


class MissingRuleError(WengertError, NotImplementedError):
    """A function, or one argument of it, has no derivative rule."""


class InPlaceError(WengertError, TypeError):
    """A traced array was to be changed in place in a way that cannot be followed."""


class ArgumentError(WengertError, TypeError):
    """A transformation was given something it cannot differentiate: a string, None, objects, complex numbers."""


class ShapeError(WengertError, ValueError):
    """Shapes, dtypes or tree structures that do not fit: a gradient of a non-scalar, a tangent unlike its primal."""


class LeakedTracerError(WengertError, RuntimeError):
    """A traced value outlived the transformation that made it (stored in a global, an attribute or a closure)."""


class NonlinearError(WengertError, TypeError):
    """A pushforward used its tangent in a way that is not linear."""


class GuardError(WengertError, RuntimeError):
    """A recorded graph was run with values that take another branch than the one it was recorded along."""


class GradientError(WengertError, AssertionError):
    """A derivative disagrees with its numerical check."""


class DegenerateError(WengertError, ArithmeticError):
    """The derivative does not exist at this point, or not by the formula in use (a singular matrix, say)."""
