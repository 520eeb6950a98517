"""The programs of `examples/science/` find what others have published, or what is known otherwise."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import io
import re
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import approx_fprime, least_squares
from scipy.spatial.transform import Rotation

import wengert as wg

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(path.stem for path in (EXAMPLES / "science").glob("*.py"))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@functools.cache
def load(name):
    """The program as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "science" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run a program once, with a picture: what it prints, and the picture's path."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("pictures")

    @functools.cache
    def run(name):
        picture = folder / f"{name}.png"
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
            patch.setattr(sys, "argv", [name, str(picture)])
            load(name).main()
        return printed.getvalue(), picture

    return run


def line(printed, start):
    """The numbers of the line that begins so."""
    found = [text for text in printed.splitlines() if text.strip().startswith(start)]
    assert len(found) == 1
    return [float(number) for number in NUMBER.findall(found[0].strip().removeprefix(start))]


# B. Carpenter's table: the mean and the standard deviation of the posterior distribution.
POSTERIOR = {
    "α": (0.545, 0.064),
    "β": (0.028, 0.004),
    "γ": (0.803, 0.092),
    "δ": (0.024, 0.004),
    "hares 1900": (33.956, 2.856),
    "lynxes 1900": (5.933, 0.535),
}


def test_lynx_and_hare_agree_with_a_bayesian_fit_of_the_same_model(ran):
    printed, _ = ran("lynx_and_hare")
    for name, (mean, deviation) in POSTERIOR.items():
        value, error = line(printed, name)
        assert abs(value - mean) < 0.3 * deviation
        assert error == pytest.approx(deviation, rel=0.2)
    assert line(printed, "The counts scatter by") == [pytest.approx(25, abs=2)]


def test_lynx_and_hare_are_what_scipy_finds_alone(ran):
    program = load("lynx_and_hare")

    def residuals(unknowns):
        a, b, c, d, *start = np.exp(unknowns)
        path = solve_ivp(
            lambda t, y: [(a - b * y[1]) * y[0], (d * y[0] - c) * y[1]],
            (1900, 1920), start, t_eval=program.YEARS, rtol=1e-8, atol=1e-8,
        )  # fmt: skip
        return np.ravel(np.log(path.y.T) - np.log(program.SEEN))

    alone = least_squares(residuals, program.GUESS, x_scale="jac")
    printed, _ = ran("lynx_and_hare")
    found = [line(printed, name)[0] for name in POSTERIOR]
    assert found == pytest.approx(np.exp(alone.x), rel=2e-3)


def test_stiff_equations_end_at_the_reference_values(ran):
    printed, _ = ran("stiff")
    rows = [text.split() for text in printed.splitlines() if re.match("(Robertson|van der Pol) .*e-", text)]
    assert len(rows) == 6
    for *_, calls, _, error, calls_exact, _, error_exact in rows:
        assert float(error) < 1e-6
        assert float(error_exact) < 1e-6
        assert int(calls_exact) < int(calls)
    assert "the columns add up to t · dy/dt: True" in printed


def test_stiff_sensitivities_conserve_what_the_reaction_conserves(ran):
    printed, _ = ran("stiff")
    a, b, c = (np.array(line(printed, f"{name} = ")) for name in "ABC")
    assert a[0] + b[0] + c[0] == pytest.approx(1, abs=1e-6)
    assert np.max(np.abs(a + b + c)[1:]) < 2e-6


def test_the_brusselator_takes_a_fraction_of_the_evaluations(ran):
    printed, _ = ran("brusselator")
    assert "3996 entries in 6 passes" in printed  # 4 in each row, but for the neighbours that the four ends lack
    calls, _, middle = line(printed, "differences")
    calls_exact, _, middle_exact = line(printed, "exact Jacobian")
    assert calls_exact < calls / 3
    assert middle == pytest.approx(middle_exact, abs=1e-5)


def test_the_jacobian_of_the_brusselator():
    program = load("brusselator")
    u, v = np.random.default_rng(0).uniform(0, 3, (2, program.CELLS))
    matrix = wg.sparse.jacobian(program.brusselator, argnums=1)(0.0, np.concatenate([u, v]))
    off = np.ones(program.CELLS - 1)
    spread = (np.diag(off, 1) + np.diag(off, -1) - 2 * np.eye(program.CELLS)) * 501**2 / 50
    expected = [[np.diag(2 * u * v - 4) + spread, np.diag(u**2)], [np.diag(3 - 2 * u * v), spread - np.diag(u**2)]]
    np.testing.assert_allclose(matrix.toarray(), np.block(expected), rtol=1e-12, atol=1e-10)


def test_the_jacobian_of_van_der_pol():
    x, speed = 1.3, -0.7
    jacobian = wg.jacobian(load("stiff").van_der_pol, argnums=1)(0.0, np.array([x, speed]))
    assert jacobian == pytest.approx(np.array([[0, 1], [(-2 * x * speed - 1) * 1e6, (1 - x**2) * 1e6]]), rel=1e-14)


def test_uncertainties_are_those_of_the_guide(ran):
    printed, _ = ran("uncertainty")
    first, second, chance = line(printed, "standard uncertainty: first order")
    assert line(printed, "The end gauge:") == [50_000_838]
    assert (round(first), round(second)) == (32, 34)
    assert chance == pytest.approx(second, rel=0.01)
    for name, value, u in (("R", 127.732, 0.071), ("X", 219.847, 0.295), ("Z", 254.260, 0.236)):
        assert line(printed, f"{name} = ") == [value, pytest.approx(u, abs=0.0011)]
    assert line(printed, "correlations:") == [-0.588, -0.485, 0.993]


def test_the_second_order_is_that_of_wang_and_iyer():
    program = load("uncertainty")
    variance = program.second_order(program.gauge, program.ESTIMATES, program.UNCERTAINTIES)
    assert np.sqrt(variance) == pytest.approx(33.91115, abs=5e-6)


def test_the_second_order_of_a_cube_has_all_terms_but_the_last():
    # The variance of x³ for normal x is 9x⁴u² + 36x²u⁴ + 15u⁶; half of the second term comes from third derivatives.
    x, u = 1.5, 0.2
    variance = load("uncertainty").second_order(lambda x: x[0] ** 3, np.array([x]), np.array([u]))
    assert variance == pytest.approx(9 * x**4 * u**2 + 36 * x**2 * u**4, rel=1e-13)


def test_the_network_satisfies_burgers_equation(ran):
    printed, _ = ran("burgers")
    assert line(printed, "relative error:")[0] < 5e-3
    assert "501 weights, 1000 steps" in printed


def test_the_closed_form_satisfies_burgers_equation(monkeypatch):
    program = load("burgers")
    monkeypatch.setattr(program, "np", mpmath)
    with mpmath.workdps(30):
        for x, t in ((0.3, 0.1), (0.9, 0.6)):
            u = program.exact(x, t)
            u_t, u_x, u_xx = (mpmath.diff(program.exact, (x, t), order) for order in ((0, 1), (1, 0), (2, 0)))
            assert abs(u_t + u * u_x - program.NU * u_xx) < 1e-8


def test_the_residual_of_a_network_has_the_derivatives_of_the_network():
    program = load("burgers")
    weights = np.random.default_rng(3).normal(size=501) / 4
    x, t, h = np.array([0.2, 0.7]), np.array([0.9, 0.4]), 1e-4

    def u(dx=0.0, dt=0.0):
        return program.network(weights, x + dx, t + dt)

    u_t, u_x = (u(0, h) - u(0, -h)) / (2 * h), (u(h) - u(-h)) / (2 * h)
    u_xx = (u(h) - 2 * u() + u(-h)) / h**2
    assert program.residual(weights, x, t) == pytest.approx(u_t + u() * u_x - program.NU * u_xx, rel=1e-6)
    wg.check_grads(program.loss, (weights,), order=1)


def test_the_bundle_adjustment_comes_to_the_noise(ran):
    printed, _ = ran("bundle_adjustment")
    before, after = line(printed, "residuals:")
    noise, _ = line(printed, "noise, as estimated from them:")
    guess, points = line(printed, "relative error of the points:")
    assert before > 40
    assert after < 1
    assert noise == pytest.approx(1, abs=0.03)  # three times 1/√(2 · degrees of freedom)
    assert guess > 0.1
    assert points < 0.01
    assert "in 12 passes" in printed


def test_a_rotation_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, r = rng.normal(size=(2, 5, 3))
    assert load("bundle_adjustment").rotated(x, r) == pytest.approx(Rotation.from_rotvec(r).apply(x), rel=1e-13)


def test_a_rotation_by_nothing_has_the_derivative_of_a_cross_product():
    x = np.array([0.3, -1.2, 2.0])
    jacobian = wg.jacobian(lambda r: load("bundle_adjustment").rotated(x, r))(np.zeros(3))
    assert jacobian == pytest.approx(np.cross(np.eye(3), x).T, abs=1e-14)


def test_the_sparse_jacobian_of_images_is_that_of_differences():
    problem = load("bundle_adjustment").Problem()
    jacobian = wg.sparse.jacobian(problem.residuals)(problem.start)
    rows = [0, 1, 999, 5000]
    differences = approx_fprime(problem.start, lambda unknowns: problem.residuals(unknowns)[rows])
    np.testing.assert_allclose(jacobian[rows].toarray(), differences, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_draws_its_picture(ran, name):
    _, picture = ran(name)
    assert picture.read_bytes().startswith(b"\x89PNG")
    stored = ROOT / "docs" / "pictures" / f"{name}.png"
    assert stored.stat().st_size < 60_000


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_needs_only_numpy_scipy_and_matplotlib(name):
    tree = ast.parse((EXAMPLES / "science" / f"{name}.py").read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {module.partition(".")[0] for module in imported}
    assert packages - set(sys.stdlib_module_names) <= {"wengert", "numpy", "scipy", "matplotlib"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_short_and_in_the_list_with_its_picture(name):
    assert len((EXAMPLES / "science" / f"{name}.py").read_text("utf-8").splitlines()) <= 125
    page = (EXAMPLES / "README.md").read_text("utf-8")
    assert f"[`{name}.py`](science/{name}.py)" in page
    assert f"(../docs/pictures/{name}.png)" in page
