"""The worked graph of the book: y = x0·x1 + x1/x0 at (3, 5), its gradients, and every step that leads to them.

    python examples/book_graph.py [drawing.svg]

Source: *Automatic differentiation for deep learning* (2022), the chapter on the computation graph.
"""

import sys

import wengert as wg


def worked_graph(x0, x1):
    v2 = x0 * x1
    v3 = x1 / x0
    return v2 + v3


def shared_node(x0, x1):
    u = x0 * x1
    return u * u + u


def main():
    value, (slope0, slope1) = wg.value_and_grad(worked_graph, argnums=(0, 1))(3, 5)
    print(f"y = {value}, ∂y/∂x0 = {slope0}, ∂y/∂x1 = {slope1}")

    graph = wg.trace(worked_graph)(3, 5)
    print(f"The same graph with other leaf values: y(2, 8) = {graph(2, 8)}\n")

    explanation = wg.explain(worked_graph)(3, 5)
    print(explanation)

    # The book's own ordering lists a shared inner node twice, and counts the gradient through it twice.
    gradient = wg.explain(shared_node)(3, 5).gradient
    print(f"u = x0·x1, y = u·u + u: ∂y/∂x0 = {gradient['x0']:g}, ∂y/∂x1 = {gradient['x1']:g}")

    if len(sys.argv) > 1:
        explanation.to_svg(sys.argv[1])
        print(f"The drawing is in {sys.argv[1]}")


if __name__ == "__main__":
    main()
