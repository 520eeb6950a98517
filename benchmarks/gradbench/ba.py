"""Bundle adjustment: the errors of P observations of M points by N cameras, and their sparse Jacobian.

A camera is r (3), C (3), f, u₀, v₀, k₁, k₂; arrays are cameras (N, 11), points (M, 3), weights (P), features (P, 2) and
observations (P, 2), pairs of a camera and a point. Each observation's two errors depend on 15 numbers, so the Jacobian
has 30 entries for each and one more for its weight's error, at places known beforehand. It is computed for all
observations at once, two pullbacks in all, and is right for any cameras, points and pairs.

Source: ADBench (Šrajer, Kukelova, Fitzgibbon 2018), section 4.2, as GradBench's evaluation `ba` has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit

CAMERA, POINT = 11, 3
BLOCK = CAMERA + POINT + 1


def rotated(rotation: Any, point: Any) -> Any:
    """Rodrigues' formula: cos θ · X + sin θ/θ · r × X + (1 − cos θ)/θ² · (r·X) r, θ = ‖r‖; X + r × X for r = 0."""
    a, b, c = rotation
    x, y, z = point
    square = a * a + b * b + c * c
    turned = square > 0
    square = np.where(turned, square, 1.0)
    angle = np.sqrt(square)
    cosine = np.where(turned, np.cos(angle), 1.0)
    sine = np.where(turned, np.sin(angle) / angle, 1.0)
    along = np.where(turned, (1 - np.cos(angle)) / square, 0.0) * (a * x + b * y + c * z)
    return (
        cosine * x + sine * (b * z - c * y) + along * a,
        cosine * y + sine * (c * x - a * z) + along * b,
        cosine * z + sine * (a * y - b * x) + along * c,
    )


def reprojection(camera: Any, point: Any, weight: Any, feature: Any) -> tuple[Any, Any]:
    """Weight · (p L f + (u₀, v₀) − feature), p the point in the camera, L its distortion; all are arrays (P)."""
    r1, r2, r3, c1, c2, c3, f, u0, v0, k1, k2 = camera
    x, y, z = rotated((r1, r2, r3), (point[0] - c1, point[1] - c2, point[2] - c3))
    p, q = x / z, y / z
    square = p * p + q * q
    scale = f * (1 + k1 * square + k2 * square * square)
    return weight * (p * scale + u0 - feature[0]), weight * (q * scale + v0 - feature[1])


def weight_error(weight: Any) -> Any:
    return 1 - weight * weight


def observed(cameras: Any, points: Any, features: Any, observations: Any) -> tuple[Any, Any, Any]:
    """The camera (11 arrays), the point (3) and the feature (2) of each observation."""
    camera, point = observations[:, 0], observations[:, 1]
    return tuple(cameras.T[:, camera]), tuple(points.T[:, point]), tuple(features.T)


def errors(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> tuple[Any, Any]:
    """The reprojection errors (P, 2) and the weights' errors (P)."""
    camera, point, feature = observed(cameras, points, features, observations)
    return np.stack(reprojection(camera, point, weights, feature), axis=1), weight_error(weights)


def sparse_jacobian(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> tuple[Any, Any, Any]:
    """The Jacobian of `errors` in compressed rows: where rows begin (3P + 1), columns (31P) and values (31P)."""
    camera, point, feature = observed(cameras, points, features, observations)
    error, pullback = wg.vjp(lambda *inputs: reprojection(*inputs, feature), camera, point, weights)
    one, zero = np.ones_like(error[0]), np.zeros_like(error[0])
    values = []
    for seed in ((one, zero), (zero, one)):
        for_camera, for_point, for_weight = pullback(seed)
        values += [*for_camera, *for_point, for_weight]
    slope = wg.vjp(weight_error, weights)[1](one)[0]
    vals = np.concatenate([np.stack(values, axis=1).ravel(), slope])
    return (*places(len(cameras), len(points), observations), vals)


def places(cameras: int, points: int, observations: Any) -> tuple[Any, Any]:
    """Where the rows begin and which columns they have."""
    count = len(observations)
    weights = CAMERA * cameras + POINT * points + np.arange(count)
    columns = np.concatenate(
        [
            CAMERA * observations[:, :1] + np.arange(CAMERA),
            CAMERA * cameras + POINT * observations[:, 1:] + np.arange(POINT),
            weights[:, None],
        ],
        axis=1,
    )
    cols = np.concatenate([np.concatenate([columns, columns], axis=1).ravel(), weights])
    rows = np.concatenate([np.arange(0, 2 * BLOCK * count, BLOCK), 2 * BLOCK * count + np.arange(count + 1)])
    return rows, cols


objective = jit(errors)
jacobian = jit(sparse_jacobian)


FUNCTIONS = ("objective", "jacobian")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it: all cameras being alike, the first block and the last entry."""
    if function == "objective":
        reprojected, weighted = result
        return {
            "reproj_error": {"elements": reprojected[0].tolist(), "repeated": len(reprojected)},
            "w_err": {"element": float(weighted[0]), "repeated": len(weighted)},
        }
    return {
        name: [*part[: 2 * BLOCK].tolist(), part[-1].item()]
        for name, part in zip(("rows", "cols", "vals"), result, strict=True)
    }
