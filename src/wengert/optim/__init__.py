"""Optimizers: update rules over pytrees that compile, schedules of learning rates, limits to gradients."""

from wengert.optim.adagrad import Adagrad
from wengert.optim.adam import Adam, AdamW
from wengert.optim.clipping import ClipNorm, ClipValue, global_norm
from wengert.optim.lbfgs import LBFGS
from wengert.optim.lion import Lion
from wengert.optim.minimum import Minimum, minimize
from wengert.optim.optimizer import Optimizer
from wengert.optim.rmsprop import RMSprop
from wengert.optim.schedule import Chain, Constant, CosineDecay, ExponentialDecay, LinearDecay, StepDecay, WarmUp
from wengert.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Chain",
    "ClipNorm",
    "ClipValue",
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "Lion",
    "Minimum",
    "Optimizer",
    "RMSprop",
    "StepDecay",
    "WarmUp",
    "global_norm",
    "minimize",
]
