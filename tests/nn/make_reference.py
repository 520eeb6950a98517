"""Write reference.json: results and gradients of PyTorch's layers, for the tests of ours.

Run it where PyTorch is installed (`python tasks.py peers` makes such an environment).
The tests read the file and need no PyTorch.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
FOUND = {}


def fill(module):
    """Parameters that are neither zeros nor ones, the same for every version of PyTorch."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.sin(1.0 + torch.arange(p.numel(), dtype=p.dtype)).reshape(p.shape))


def numbers(*shape):
    return torch.cos(0.7 * torch.arange(1.0, 1.0 + torch.Size(shape).numel())).reshape(shape) * 1.5


def note(name, module, *inputs, state=()):
    """Input, result, and the gradients of Σ sin(y) by parameters and inputs."""
    fill(module)
    given = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    y = module(*given)
    torch.sin(y).sum().backward()
    FOUND[name] = {
        "inputs": [x.tolist() for x in inputs],
        "parameters": {n: p.tolist() for n, p in module.named_parameters()},
        "result": y.tolist(),
        "gradients": {n: p.grad.tolist() for n, p in module.named_parameters()},
        "input gradients": [x.grad.tolist() for x in given if x.is_floating_point()],
        "state": {n: dict(module.named_buffers())[n].tolist() for n in state},
    }


STATE = ("running_mean", "running_var")

note("Linear", nn.Linear(3, 4), numbers(2, 3))
note("Linear without bias", nn.Linear(3, 2, bias=False), numbers(2, 2, 3))
note("Bilinear", nn.Bilinear(3, 2, 4), numbers(5, 3), numbers(5, 2) + 0.25)
note("LayerNorm", nn.LayerNorm(4), numbers(3, 4))
note("LayerNorm over two axes", nn.LayerNorm((3, 4), eps=1e-3), numbers(2, 3, 4))
note("RMSNorm", nn.RMSNorm(4), numbers(3, 4))
note("RMSNorm with eps", nn.RMSNorm(4, eps=0.1), numbers(3, 4))
note("BatchNorm1d", nn.BatchNorm1d(3), numbers(5, 3), state=STATE)
note("BatchNorm1d along a line", nn.BatchNorm1d(3, momentum=0.3, eps=1e-2), numbers(2, 3, 4), state=STATE)
note("BatchNorm1d over all", nn.BatchNorm1d(3, momentum=None), numbers(5, 3), state=STATE)
note("BatchNorm2d", nn.BatchNorm2d(2), numbers(3, 2, 2, 2), state=STATE)
note("BatchNorm2d in evaluation", nn.BatchNorm2d(2).eval(), numbers(3, 2, 2, 2), state=STATE)
note("Embedding", nn.Embedding(5, 3), torch.tensor([[1, 4], [0, 1]]))
note("Embedding with padding", nn.Embedding(5, 3, padding_idx=1), torch.tensor([[1, 4], [0, 1]]))
for name, module in {
    "ReLU": nn.ReLU(), "Tanh": nn.Tanh(), "Sigmoid": nn.Sigmoid(), "SiLU": nn.SiLU(), "Softplus": nn.Softplus(),
    "SELU": nn.SELU(), "GELU": nn.GELU(), "GELU tanh": nn.GELU("tanh"), "LeakyReLU": nn.LeakyReLU(0.2),
    "ELU": nn.ELU(1.5), "Softmax": nn.Softmax(-1), "LogSoftmax": nn.LogSoftmax(-1),
}.items():  # fmt: skip
    note(name, module, torch.tensor([[-3.0, -0.5, 0.0, 0.25, 2.0]]))
FOUND["torch"] = torch.__version__

Path(__file__).with_name("reference.json").write_text(json.dumps(FOUND, indent=None, separators=(",", ":")), "utf-8")
