"""The dense derivatives that the sparse ones are held against, as matrices."""

from __future__ import annotations

import numpy as np
import optree

import wengert as wg


def leaves(tree):
    return optree.tree_leaves(tree)


def dense_jacobian(f, args, argnums):
    """∂fᵢ/∂xⱼ, i over all elements of the result, j over all elements of the chosen arguments."""
    result = leaves(f(*args))
    inputs = leaves([args[i] for i in argnums])
    blocks = leaves(wg.jacobian(f, argnums, mode="forward")(*args))
    count = len(inputs)
    shaped = [np.reshape(b, (np.size(result[k // count]), np.size(inputs[k % count]))) for k, b in enumerate(blocks)]
    rows = [np.hstack(shaped[k : k + count]) for k in range(0, len(shaped), count)]
    return np.vstack(rows)


def dense_hessian(f, args, argnums):
    """∂²f/∂xᵢ∂xⱼ over all elements of the chosen arguments."""
    return dense_jacobian(lambda *args: wg.grad(f, argnums)(*args), args, argnums)


def assert_contains(plan, dense):
    """Every entry that is not zero has its place in the pattern."""
    assert plan.shape == dense.shape
    missing = np.argwhere((dense != 0) & ~plan.pattern.toarray())
    assert missing.size == 0, f"not in the pattern: {missing[:5].tolist()}"


def check_jacobian(f, args, argnums=(0,), tolerance=1e-12):
    """Pattern and values against the dense Jacobian; the plan."""
    plan = wg.sparse.pattern(f, argnums)(*args)
    want = dense_jacobian(f, args, argnums)
    assert_contains(plan, want)
    matrix = wg.sparse.jacobian(f, argnums, plan=plan)(*args)
    assert matrix.format == "csr"
    scale = np.max(np.abs(want), initial=1)
    np.testing.assert_allclose(matrix.toarray(), want, rtol=tolerance, atol=tolerance * scale)
    return plan


def check_hessian(f, args, argnums=(0,), tolerance=1e-11):
    """Pattern and values against the dense Hessian; the plan."""
    plan = wg.sparse.pattern(f, argnums, order=2)(*args)
    want = dense_hessian(f, args, argnums)
    assert_contains(plan, want)
    matrix = wg.sparse.hessian(f, argnums, plan=plan)(*args)
    scale = np.max(np.abs(want), initial=1)
    np.testing.assert_allclose(matrix.toarray(), want, rtol=tolerance, atol=tolerance * scale)
    assert (matrix != matrix.T).nnz == 0
    return plan
