"""Networks: modules, layers, losses, training, checkpoints."""

from typing import Any as _Any

from wengert.nn import initializers, random
from wengert.nn.activations import (
    activation,
    elu,
    gelu,
    identity,
    leaky_relu,
    log_softmax,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from wengert.nn.attention import (
    MultiHeadAttention,
    PositionalEmbedding,
    SinusoidalEncoding,
    TransformerBlock,
    scaled_dot_product_attention,
)
from wengert.nn.checkpoint import CheckpointError, load, save
from wengert.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from wengert.nn.dropout import Dropout
from wengert.nn.embedding import Embedding
from wengert.nn.finite import NonFiniteError
from wengert.nn.fitting import Fitted, fit
from wengert.nn.history import History
from wengert.nn.initializers import seed
from wengert.nn.linear import (
    ELU,
    GELU,
    SELU,
    Bilinear,
    Flatten,
    Identity,
    Lambda,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from wengert.nn.losses import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    smooth_l1,
    squared_error,
)
from wengert.nn.metrics import accuracy, binary_accuracy, supervised, top_k_accuracy
from wengert.nn.module import Buffer, Module, Parameter, trainable
from wengert.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm
from wengert.nn.penalties import l1_penalty, l2_penalty
from wengert.nn.pictures import plot_decision, plot_histograms, plot_history
from wengert.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    MaxPool1d,
    MaxPool2d,
)
from wengert.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from wengert.nn.run import Round
from wengert.nn.scalar import MLP, Layer, Neuron
from wengert.nn.stopping import EarlyStopping
from wengert.nn.training import TrainStep, train_step


def __getattr__(name: str) -> _Any:
    """The estimators, which are made of scikit-learn, an extra."""
    if name in ("WengertClassifier", "WengertRegressor"):
        from wengert.nn import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bilinear",
    "Buffer",
    "CheckpointError",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Fitted",
    "Flatten",
    "GRUCell",
    "GlobalAvgPool",
    "History",
    "Identity",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "Neuron",
    "NonFiniteError",
    "Parameter",
    "PositionalEmbedding",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Round",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalEncoding",
    "Softmax",
    "Softplus",
    "Tanh",
    "TrainStep",
    "TransformerBlock",
    "absolute_error",
    "accuracy",
    "activation",
    "binary_accuracy",
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "fit",
    "gelu",
    "hinge",
    "huber",
    "identity",
    "initializers",
    "kl_divergence",
    "l1_penalty",
    "l2_penalty",
    "leaky_relu",
    "load",
    "log_softmax",
    "plot_decision",
    "plot_histograms",
    "plot_history",
    "random",
    "relu",
    "save",
    "scaled_dot_product_attention",
    "seed",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1",
    "softmax",
    "softplus",
    "squared_error",
    "supervised",
    "tanh",
    "top_k_accuracy",
    "train_step",
    "trainable",
]
