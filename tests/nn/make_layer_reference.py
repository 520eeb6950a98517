"""Ask PyTorch 2.13 what layers compute, and write it to layer_reference.npz; needs PyTorch, and no Wengert.

    python tests/nn/make_layer_reference.py

For each case the inputs, the parameters, the results, and the gradients of Σ results · directions by all of them.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

TYPE = torch.float64
found = {}


def rounded(x):
    """The nearest multiple of 1/32, which takes little space in the file."""
    return torch.round(x * 32) / 32


def random(*shape):
    return rounded(torch.randn(*shape, dtype=TYPE))


def parameters_of_recurrent(layer):
    """Wengert has a list of cells: those of the first layer, then those of the next."""
    directions = 2 if layer.bidirectional else 1
    names = {}
    for name, parameter in layer.named_parameters():
        kind, rest = name.rsplit("_l", 1)
        number, _, reverse = rest.partition("_")
        names[f"cells.{int(number) * directions + bool(reverse)}.{kind}"] = parameter
    return names


def parameters_of(layer):
    if isinstance(layer, nn.RNNBase):
        return parameters_of_recurrent(layer)
    renamed = {
        "self_attn.": "attention.",
        "in_proj_": "in_",
        "out_proj.": "out.",
        "linear1": "inner",
        "linear2": "outer",
    }
    names = {}
    for name, parameter in layer.named_parameters():
        for old, new in renamed.items():
            name = name.replace(old, new)
        names[name] = parameter
    return names


def tensors(value):
    return [t for part in value for t in tensors(part)] if isinstance(value, (tuple, list)) else [value]


def case(name, layer, *shapes, call=None, values=None):
    inputs = [random(*shape) for shape in shapes] if values is None else values
    for x in inputs:
        x.requires_grad_(True)
    parameters = {}
    if isinstance(layer, nn.Module):
        layer = layer.to(TYPE)
        layer.zero_grad()
        parameters = parameters_of(layer)
        with torch.no_grad():
            for parameter in parameters.values():  # norms and biases begin with ones and zeros, which test little
                parameter.copy_(rounded(parameter + 0.1 * torch.randn_like(parameter)))
    results = [t for t in tensors((call or layer)(*inputs)) if t is not None]
    directions = [random(*y.shape) for y in results]
    sum((y * v).sum() for y, v in zip(results, directions, strict=True)).backward()
    for key, numbers in [
        *((f"x{i}", x) for i, x in enumerate(inputs)),
        *((f"dx{i}", x.grad) for i, x in enumerate(inputs)),
        *((f"y{i}", y) for i, y in enumerate(results)),
        *((f"v{i}", v) for i, v in enumerate(directions)),
        *((f"p:{k}", p) for k, p in parameters.items()),
        *((f"dp:{k}", p.grad) for k, p in parameters.items()),
    ]:
        found[f"{name}|{key}"] = numbers.detach().numpy().copy()


def convolutions():
    case("conv1d", nn.Conv1d(3, 4, 5, stride=2, padding=2), (2, 3, 11))
    case("conv1d dilated", nn.Conv1d(2, 3, 3, dilation=3), (2, 2, 9))
    case("conv2d", nn.Conv2d(3, 4, 3), (2, 3, 6, 5))
    case("conv2d single", nn.Conv2d(3, 4, 3), (3, 6, 5))
    case("conv2d same", nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), (2, 2, 7, 6))
    case("conv2d strided", nn.Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(1, 0)), (2, 2, 8, 7))
    case("conv2d groups", nn.Conv2d(4, 6, 3, stride=(2, 1), padding=1, groups=2), (2, 4, 6, 5))
    case("conv2d depthwise", nn.Conv2d(4, 4, 3, groups=4, dilation=2, bias=False), (2, 4, 6, 7))
    case("conv2d pointwise", nn.Conv2d(3, 5, 1), (2, 3, 4, 4))
    case("transpose1d", nn.ConvTranspose1d(4, 3, 4, stride=2, padding=1), (2, 4, 5))
    case("transpose2d", nn.ConvTranspose2d(4, 3, 3), (2, 4, 3, 4))
    case("transpose2d groups", nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2), (2, 4, 3, 4))
    case("transpose2d dilated", nn.ConvTranspose2d(2, 3, 2, (1, 3), (1, 0), dilation=2, bias=False), (2, 2, 4, 3))


def pools():
    case("max1d", nn.MaxPool1d(3, 2, 1), (2, 3, 10))
    case("max2d", nn.MaxPool2d(2), (2, 3, 6, 5))
    case("max2d overlapping", nn.MaxPool2d(3, 2, 1), (2, 3, 7, 6))
    case("max2d dilated", nn.MaxPool2d((2, 3), (1, 2), dilation=2), (2, 2, 6, 8))
    ties = torch.randint(0, 3, (3, 2, 6, 6)).to(TYPE)
    case("max2d ties", nn.MaxPool2d(3), values=[ties])
    case("max2d ties overlapping", nn.MaxPool2d(3, 2, 1), values=[ties.detach().clone()])
    case("avg1d", nn.AvgPool1d(3, 2, 1), (2, 3, 10))
    case("avg2d", nn.AvgPool2d(2), (2, 3, 6, 5))
    case("avg2d overlapping", nn.AvgPool2d(3, 2, 1), (2, 3, 7, 6))
    case("avg2d inside", nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 3, 7, 6))
    case("adaptive1d", nn.AdaptiveAvgPool1d(4), (2, 3, 10))
    case("adaptive2d", nn.AdaptiveAvgPool2d((3, 2)), (2, 3, 7, 5))
    case("adaptive2d larger", nn.AdaptiveAvgPool2d(5), (2, 3, 3, 4))
    case("adaptive2d even", nn.AdaptiveAvgPool2d((3, 2)), (2, 3, 6, 4))


def recurrent():
    case("rnn", nn.RNN(3, 4, batch_first=True), (2, 5, 3))
    case("rnn relu", nn.RNN(3, 4, 2, nonlinearity="relu", batch_first=True, bias=False), (2, 5, 3), (2, 2, 4))
    case("lstm", nn.LSTM(3, 4, batch_first=True), (2, 5, 3))
    stacked = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
    case("lstm stacked", stacked, (2, 5, 3), (4, 2, 4), (4, 2, 4), call=lambda x, h, c: stacked(x, (h, c)))
    case("gru", nn.GRU(3, 4, batch_first=True), (2, 5, 3))
    case("gru stacked", nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), (2, 5, 3), (4, 2, 4))
    case("gru unshifted", nn.GRU(3, 4, batch_first=True, bias=False), (5, 3))


def attention():
    masks = torch.tensor([[True, False, True], [True, True, True], [False, False, True], [True, True, False]])
    added = random(2, 4, 3)
    triangle = torch.ones(5, 5, dtype=torch.bool).triu(1)
    plain = nn.MultiheadAttention(6, 2, batch_first=True)
    case("attention", plain, (2, 5, 6), call=lambda x: plain(x, x, x, need_weights=False))
    case("attention causal", plain, (2, 5, 6), call=lambda x: plain(x, x, x, attn_mask=triangle, need_weights=False))
    case("attention cross", plain, (2, 4, 6), (2, 3, 6), call=lambda x, z: plain(x, z, z, need_weights=False))
    case("attention masked", plain, (2, 4, 6), (2, 3, 6), (2, 3, 6),
         call=lambda x, z, u: plain(x, z, u, attn_mask=~masks, need_weights=False))  # fmt: skip
    unshifted = nn.MultiheadAttention(6, 3, bias=False, batch_first=True)
    case("attention added", unshifted, (2, 4, 6), (2, 3, 6),
         call=lambda x, z: unshifted(x, z, z, attn_mask=added.repeat_interleave(3, 0), need_weights=False))  # fmt: skip
    found["attention masked|mask"], found["attention added|mask"] = masks.numpy(), added.numpy()
    sdpa = nn.functional.scaled_dot_product_attention
    case("sdpa", None, (2, 4, 3), (2, 5, 3), (2, 5, 6), call=lambda q, k, v: sdpa(q, k, v, is_causal=True, scale=0.7))
    block = nn.TransformerEncoderLayer(6, 2, 12, 0.0, "gelu", norm_first=True, batch_first=True)
    case("block", block, (2, 5, 6))
    case("block causal", block, (2, 5, 6), call=lambda x: block(x, src_mask=triangle))


torch.manual_seed(0)
convolutions(), pools(), recurrent(), attention()
index = {name: (str(array.dtype), array.shape) for name, array in found.items()}
numbers = np.concatenate([array.astype(float).ravel() for array in found.values()])
np.savez_compressed(Path(__file__).with_name("layer_reference.npz"), index=json.dumps(index), numbers=numbers)
