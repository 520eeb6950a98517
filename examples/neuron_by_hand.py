"""A neuron on the tape, as one would do it by hand: forwards, backwards, a step along the gradient.

Source: the lecture's scalar engine; its expression L = (a·b + c)·f and its neuron with tanh.
"""

import numpy as np

import wengert as wg


def expression():
    a, b = wg.Variable(2.0, name="a"), wg.Variable(-3.0, name="b")
    c, f = wg.Variable(10.0, name="c"), wg.Variable(-2.0, name="f")
    e = a * b
    d = e + c
    L = d * f
    L.backward()
    for value in (a, b, c, e, d, f, L):
        print(" ", value)

    for leaf in (a, b, c, f):
        leaf.data += 0.01 * leaf.grad
    print(f"  after one step of +0.01·grad: L = {((a * b + c) * f).data}")


def neuron(activation):
    x1, x2 = wg.Variable(2.0, name="x1"), wg.Variable(0.0, name="x2")
    w1, w2 = wg.Variable(-3.0, name="w1"), wg.Variable(1.0, name="w2")
    b = wg.Variable(6.8813735870195432, name="b")
    o = activation(x1 * w1 + x2 * w2 + b)
    o.backward()
    print(f"  o = {o.data}")
    for leaf in (x1, w1, x2, w2):
        print(f"  {leaf.name}.grad = {leaf.grad:.6g}")


def tanh_from_exp(n):
    e = np.exp(2 * n)
    return (e - 1) / (e + 1)


def forgotten_reset():
    a = wg.Variable(3.0, name="a")
    (a * a).backward()
    print(" ", a)
    a.zero_grad()  # without this line the next pass would add to the gradient, with a warning
    (a * a).backward()
    print(" ", a)


def main():
    print("L = (a·b + c)·f")
    expression()
    print("o = tanh(x1·w1 + x2·w2 + b)")
    neuron(np.tanh)
    print("The same through (e²ⁿ − 1)/(e²ⁿ + 1)")
    neuron(tanh_from_exp)
    print("a·a, twice, with a reset in between")
    forgotten_reset()


if __name__ == "__main__":
    main()
