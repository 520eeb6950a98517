"""SciPy's namespaces where NumPy's protocols do not reach: `from wengert.scipy import linalg, special`.

The ufuncs of `scipy.special` dispatch by themselves. SciPy's other functions turn their arguments into plain arrays,
which a traced array refuses. The namespaces here have their own versions of those, with derivatives in every mode;
on plain arrays they are SciPy's functions themselves.
"""

from wengert.scipy import linalg as linalg
from wengert.scipy import special as special

__all__ = ["linalg", "special"]
