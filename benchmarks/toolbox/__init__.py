"""The toolbox beside its peers: sparse Jacobians, products with Hessians, Taylor series, loops, equations, batches.

`python -m benchmarks toolbox` measures it. GradBench's evaluations are gradients; this is what comes after them.
"""
