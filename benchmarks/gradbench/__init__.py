"""GradBench's evaluations as plain NumPy programs, differentiated through Wengert's public interface.

GradBench (https://gradben.ch) is the field's benchmark; it contains ADBench and cmpad. `python -m benchmarks.gradbench`
speaks its protocol, so that the real suite can run Wengert; `python -m benchmarks gradbench` measures the same programs
beside the peers.
"""

#: The evaluations that are written here; each is a module of this folder.
EVALUATIONS = ("gmm", "ba", "lstm", "kmeans", "llsq", "lse", "ode", "det")
