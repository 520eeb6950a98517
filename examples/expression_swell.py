"""Expression swell: the derivative of the logistic map as a formula explodes, as a graph it does not.

l₁ = x, lₙ₊₁ = 4 lₙ (1 − lₙ). A formula writes a common part as often as it is used, a graph holds it once.

Source: the slides *Automatic differentiation*, symbolic differentiation.
"""

import wengert as wg


def logistic_map(x, n):
    value = x
    for _ in range(n - 1):
        value = 4 * value * (1 - value)
    return value


def formula_size(graph):
    """How many operations and names the formula has when every part is written out."""
    size = {}
    for node in graph.nodes:
        size[node] = 1 + sum(size[argument] for argument in node.args)
    return size[graph.outputs[0]]


def main():
    print("      derivative of lₙ, at x = 0.3")
    print(" n    as a formula    as a graph    value")
    for n in (*range(1, 11), 20, 40):
        derivative = wg.trace(lambda x, n=n: logistic_map(x, n))(0.3).derivative()
        print(f"{n:2}  {formula_size(derivative):14.4g}  {len(derivative):12}    {derivative(0.3):.6g}")


if __name__ == "__main__":
    main()
