"""The layers that every network is made of, policy networks and image classifiers alike.

    start         convolutions and their initialisation, activations
    policy        what the policy networks are built from: nothing pools
    blocks        residual, inception, dense, fire and squeeze-and-excitation blocks
    separable     depthwise separable convolution, groups and channel shuffle
    pooling       spatial pyramid pooling, global average
    upsampling    transposed and sub-pixel convolution
    arithmetic    receptive fields, multiplications, a convolution as a matrix

Tensors are float (batch, channels, rows, columns) unless said otherwise. What PyTorch has under its own name
(``nn.MaxPool2d``, ``nn.AvgPool2d``) is used under that name.
"""

from goengine.layers.arithmetic import Multiplications, convolution_matrix, multiplications, receptive_fields
from goengine.layers.blocks import (
    ConvNormAct,
    DenseBlock,
    FireBlock,
    InceptionBlock,
    ResidualUnit,
    SqueezeExcitation,
)
from goengine.layers.policy import PolicyHead, ResidualBlock, unpack_words
from goengine.layers.pooling import GlobalAverage, SpatialPyramidPooling
from goengine.layers.separable import ChannelShuffle, SeparableConvolution, ShuffleUnit
from goengine.layers.start import ACTIVATIONS, convolution, he_start, scale_to_unit_variance
from goengine.layers.upsampling import SubPixelConvolution, transposed_convolution

__all__ = [
    "ACTIVATIONS",
    "ChannelShuffle",
    "ConvNormAct",
    "DenseBlock",
    "FireBlock",
    "GlobalAverage",
    "InceptionBlock",
    "Multiplications",
    "PolicyHead",
    "ResidualBlock",
    "ResidualUnit",
    "SeparableConvolution",
    "ShuffleUnit",
    "SpatialPyramidPooling",
    "SqueezeExcitation",
    "SubPixelConvolution",
    "convolution",
    "convolution_matrix",
    "he_start",
    "multiplications",
    "receptive_fields",
    "scale_to_unit_variance",
    "transposed_convolution",
    "unpack_words",
]
