"""A bundle adjustment: where cameras stood, how they saw, and where the points are, from the points' images alone.

A camera has nine unknowns (rotation, translation, focal length, two distortions), a point has three. An image of a
point depends on twelve of all the unknowns, so the Jacobian is sparse. Its pattern is found from the program, and it
takes twelve passes, however many cameras and points there are. The scene is made from a seed: a ring of cameras, points
on a torus, images with a noise of one pixel.

    python examples/science/bundle_adjustment.py [picture.png]

Source: S. Agarwal et al., "Bundle adjustment in the large" (2010), for the camera.
"""

import sys

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

import wengert as wg

CAMERAS, POINTS, NOISE = 12, 400, 1.0
TYPICAL = [0.05] * 3 + [0.2] * 3 + [50.0, 0.05, 0.05]  # errors of a first guess, of a camera


def rotated(x, r):
    """The points x, turned about the axes r by the angles |r|: the formula of Rodrigues."""
    angle = np.linalg.norm(r, axis=-1, keepdims=True)
    once = np.cross(r, x)
    return x + np.sinc(angle / np.pi) * once + np.sinc(angle / (2 * np.pi)) ** 2 / 2 * np.cross(r, once)


def images(cameras, points):
    """The pixels at which each camera sees the point beside it."""
    rotation, translation, (focal, k1, k2) = cameras[:, :3], cameras[:, 3:6], cameras[:, 6:].T
    x, y, z = (rotated(points, rotation) + translation).T
    x, y = -x / z, -y / z
    square = x**2 + y**2
    scale = focal * (1 + k1 * square + k2 * square**2)
    return np.stack([scale * x, scale * y], axis=1)


def scene():
    """The cameras, the points."""
    turn, around = np.random.default_rng(1).uniform(0, 2 * np.pi, (2, POINTS))
    radius = 1 + 0.4 * np.cos(around)
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), 0.4 * np.sin(around)], axis=1)
    cameras = np.tile([0, 0, 0, 0, 0, 0, 1000, -0.1, 0.02], (CAMERAS, 1))
    for k, camera in enumerate(cameras):
        angle = 2 * np.pi * k / CAMERAS
        place = np.array([4 * np.cos(angle), 4 * np.sin(angle), 2 + 0.5 * np.sin(3 * angle)])
        backward = place / np.linalg.norm(place)  # a camera looks along its negative z-axis, here at the origin
        right = np.array([-np.sin(angle), np.cos(angle), 0])
        axes = Rotation.from_matrix([right, np.cross(backward, right), backward])
        camera[:3], camera[3:6] = axes.as_rotvec(), -axes.apply(place)
    return cameras, points


class Problem:
    """The images with their noise, a first guess of all unknowns, and the residuals as a function of these."""

    def __init__(self, seed=2):
        rng = np.random.default_rng(seed)
        cameras, points = scene()
        self.camera, self.point = np.nonzero(rng.random((CAMERAS, POINTS)) < 0.6)  # the pairs that were seen
        self.seen = images(cameras[self.camera], points[self.point])
        self.seen += NOISE * rng.normal(size=self.seen.shape)
        cameras = cameras + TYPICAL * rng.normal(size=cameras.shape)
        points = points + 0.1 * rng.normal(size=points.shape)
        self.start = np.concatenate([cameras.ravel(), points.ravel()])

    def parts(self, unknowns):
        """The cameras, the points."""
        split = 9 * CAMERAS
        return np.reshape(unknowns[:split], (-1, 9)), np.reshape(unknowns[split:], (-1, 3))

    def residuals(self, unknowns):
        """In pixels."""
        cameras, points = self.parts(unknowns)
        return np.ravel(images(cameras[self.camera], points[self.point]) - self.seen)

    def solve(self):
        """SciPy's report, and the plan of the Jacobian."""
        plan = wg.sparse.pattern(self.residuals)(self.start)
        jacobian = wg.sparse.jacobian(self.residuals, plan=plan, jit=wg.jit)
        return least_squares(self.residuals, self.start, jac=jacobian, x_scale="jac", method="trf"), plan


def picture(path, problem, solution):
    """Where the first camera saw the points, and where it should have, before and after."""
    from matplotlib.figure import Figure

    both = Figure(figsize=(6.4, 3.4), layout="constrained").subplots(1, 2, sharex=True, sharey=True)
    first = problem.camera == 0
    for axes, title, unknowns in zip(both, ("before", "after"), (problem.start, solution), strict=True):
        seen = problem.seen[first]
        computed = seen + np.reshape(problem.residuals(unknowns), (-1, 2))[first]
        axes.plot(*np.stack([seen, computed], axis=1).T, color="0.7", linewidth=0.8)
        axes.plot(*seen.T, "o", markersize=3, label="seen")
        axes.plot(*computed.T, ".", markersize=3, label="computed")
        axes.set(title=title, aspect="equal", xlabel="pixels")
    both[1].legend(loc="lower right")
    both[0].figure.savefig(path, dpi=80)


def main():
    problem = Problem()
    found, plan = problem.solve()
    before, after = problem.residuals(problem.start), found.fun
    print(plan)
    print(f"residuals: {np.sqrt(np.mean(before**2)):.1f} px before, {np.sqrt(np.mean(after**2)):.3f} px after")
    # Seven unknowns are free: where the whole scene is, how it is turned, how large it is.
    noise = np.sqrt(np.sum(after**2) / (after.size - found.x.size + 7))
    print(f"noise, as estimated from them: {noise:.3f} px; evaluations: {found.nfev}")
    guess, truth, points = problem.parts(problem.start)[1], scene()[1], problem.parts(found.x)[1]
    errors = [np.sqrt(procrustes(truth, p)[2]) for p in (guess, points)]
    print(f"relative error of the points: {errors[0]:.4f} before, {errors[1]:.4f} after")
    if len(sys.argv) > 1:
        picture(sys.argv[1], problem, found.x)


if __name__ == "__main__":
    main()
