"""Image classifiers: the classic architectures, built from `goengine.layers` and sized by one argument.

    lecture          25 and 50 3x3 filters with 2x2 pooling: the lectures' example
    lenet5           LeCun et al. 1998, Table I, with today's ReLU and max pooling
    alexnet          Krizhevsky et al. 2012: convolutions, then wide dense layers with dropout
    vgg              Simonyan and Zisserman 2015: pairs of 3x3 convolutions
    inception        Szegedy et al. 2015 (GoogLeNet): filters of several sizes side by side
    resnet           He et al. 2016: shortcuts
    densenet         Huang et al. 2017: each layer sees all before it
    senet            Hu et al. 2018: residual units with weighed channels
    xception         Chollet 2017: depthwise separable convolutions with shortcuts
    mobilenet        Howard et al. 2017: depthwise separable convolutions
    squeezenet       Iandola et al. 2016: squeeze by 1x1, expand by 1x1 and 3x3
    shufflenet       Zhang et al. 2018: grouped 1x1 convolutions and channel shuffle
    fully_connected  two dense layers: what the others are compared with

The papers' networks are for 224x224 pictures. Here each halves the image as often as it bears (down to 4 pixels or
fewer a side), and ``width`` is the number of channels of its first stage: the idea, in the size of the task.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from goengine.errors import RecipeError
from goengine.layers import (
    ConvNormAct,
    DenseBlock,
    FireBlock,
    GlobalAverage,
    InceptionBlock,
    ResidualUnit,
    SeparableConvolution,
    ShuffleUnit,
    convolution,
    he_start,
)

__all__ = ["Classifier", "build_classifier", "equal_fully_connected", "list_classifiers"]


class Classifier(nn.Module):
    """A network from images to classes.

    Attributes:
        config: the arguments of `build_classifier` that make it again.
        features: images to feature maps, (batch, channels, rows, columns).
        head: feature maps to logits.
    """

    def __init__(self, config: dict[str, Any], features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.config, self.features, self.head = config, features, head

    def forward(self, x: Tensor) -> Tensor:
        """Float (batch, channels, rows, columns) in 0 to 1, to logits (batch, classes)."""
        return self.head(self.features(x))  # type: ignore[no-any-return]


def _dense(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    he_start(layer)
    return layer


def _averaged(channels: int, classes: int) -> nn.Sequential:
    """The head of most networks since 2014: the mean of each channel, then one dense layer."""
    head = nn.Linear(channels, classes)
    he_start(head, gain=0.5)
    return nn.Sequential(GlobalAverage(), head)


def _flattened(channels: int, side: int, units: list[int], classes: int, dropout: float = 0.0) -> nn.Sequential:
    """The head of the first networks: dense layers that see every pixel of the last maps."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise([channels * side**2, *units]):
        layers += [nn.Dropout(dropout)] if dropout else []
        layers += [_dense(inputs, outputs), nn.ReLU()]
    last = nn.Linear([channels * side**2, *units][-1], classes)
    he_start(last, gain=0.5)
    return nn.Sequential(*layers, last)


def halvings(size: int) -> int:
    """How often a side can be halved until it is 4 or smaller."""
    count = 0
    while size > 4:
        size = (size + 1) // 2
        count += 1
    return count


def _sides(size: int, count: int) -> int:
    """The side after ``count`` halvings, as stride 2 with padding and pooling with ceil_mode give it."""
    for _ in range(count):
        size = (size + 1) // 2
    return size


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(2, ceil_mode=True)


def _lecture(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    features = nn.Sequential(
        *(convolution(channels, width, 3, bias=True), nn.ReLU(), _pool()),
        *(convolution(width, 2 * width, 3, bias=True), nn.ReLU(), _pool()),
    )
    return features, _flattened(2 * width, _sides(size, 2), [4 * width], classes)


def _lenet5(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    maps = [width, width * 16 // 6, width * 120 // 6]
    layers: list[nn.Module] = []
    before, side = channels, size
    # C1 keeps 28x28 (the paper's images are padded to 32x32); C3 is not padded where the image bears it.
    for number, made in enumerate(maps[:2]):
        padding = 2 if number == 0 or side < 8 else 0
        layers += [convolution(before, made, 5, bias=True, padding=padding), nn.ReLU(), _pool()]
        side = (side + 2 * padding - 4 + 1) // 2
        before = made
    layers += [convolution(before, maps[2], side, bias=True, padding=0), nn.ReLU()]  # C5 sees all of every map
    return nn.Sequential(*layers), _flattened(maps[2], 1, [width * 84 // 6], classes)


def _alexnet(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = []
    before, halved = channels, 0
    for number, made in enumerate([width, 2 * width, 4 * width, 4 * width, 2 * width]):
        layers += [convolution(before, made, 5 if number < 2 else 3, bias=True), nn.ReLU()]
        if number in (0, 1, 4) and halved < halvings(size):
            layers.append(_pool())
            halved += 1
        before = made
    return nn.Sequential(*layers), _flattened(before, _sides(size, halved), [8 * width] * 2, classes, dropout=0.5)


def _stages(size: int, width: int) -> list[int]:
    """Channels of the stages: doubled whenever the sides are halved."""
    return [width * 2**number for number in range(halvings(size) + 1)]


def _vgg(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = []
    before = channels
    stages = _stages(size, width)
    for number, made in enumerate(stages):
        layers += [ConvNormAct(before, made, 3), ConvNormAct(made, made, 3)]
        layers += [_pool()] if number < len(stages) - 1 else []
        before = made
    return nn.Sequential(*layers), _flattened(before, _sides(size, len(stages) - 1), [4 * width], classes, dropout=0.3)


def _inception(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
    before = width
    for number, made in enumerate(_stages(size, width)):
        layers += [_pool()] if number else []
        part = max(1, made // 4)
        layers.append(InceptionBlock(before, (part, 2 * part, part, part)))
        before = 5 * part
    return nn.Sequential(*layers), _averaged(before, classes)


def _residual(squeeze: bool) -> "_Builder":
    def build(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
        layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
        before = width
        for number, made in enumerate(_stages(size, width)):
            stride = 2 if number else 1
            layers += [ResidualUnit(before, made, stride, squeeze), ResidualUnit(made, made, 1, squeeze)]
            before = made
        return nn.Sequential(*layers), _averaged(before, classes)

    return build


def _densenet(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    growth = max(1, width // 2)
    layers: list[nn.Module] = [convolution(channels, width, 3, bias=False)]
    before = width
    for number in range(halvings(size) + 1):
        if number:  # a transition halves the channels and the sides
            layers += [nn.BatchNorm2d(before), nn.ReLU(), convolution(before, before // 2, 1, bias=False)]
            layers.append(nn.AvgPool2d(2, ceil_mode=True))
            before //= 2
        block = DenseBlock(before, growth, 4)
        layers.append(block)
        before = block.out_channels
    layers += [nn.BatchNorm2d(before), nn.ReLU()]
    return nn.Sequential(*layers), _averaged(before, classes)


class _Separated(nn.Module):
    """Two separable convolutions beside a 1x1 shortcut, then pooling: a module of Xception's entry flow."""

    def __init__(self, before: int, made: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(SeparableConvolution(before, made), SeparableConvolution(made, made, stride=stride))
        self.shortcut = ConvNormAct(before, made, 1, stride=stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, before, rows, columns) to (batch, made, rows / stride, columns / stride)."""
        return self.path(x) + self.shortcut(x)  # type: ignore[no-any-return]


def _xception(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
    before = width
    for number, made in enumerate(_stages(size, width)):
        layers.append(_Separated(before, made, 2 if number else 1))
        before = made
    return nn.Sequential(*layers), _averaged(before, classes)


def _mobilenet(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
    before = width
    for number, made in enumerate(_stages(size, width)):
        layers += [SeparableConvolution(before, made, stride=2 if number else 1), SeparableConvolution(made, made)]
        before = made
    return nn.Sequential(*layers), _averaged(before, classes)


def _squeezenet(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
    before = width
    for number, made in enumerate(_stages(size, width)):
        layers += [_pool()] if number else []
        layers += [
            FireBlock(before, max(1, made // 4), made // 2),
            FireBlock(made // 2 * 2, max(1, made // 4), made // 2),
        ]
        before = made // 2 * 2
    last = convolution(before, classes, 1, bias=True)  # no dense layer: a map a class, averaged
    return nn.Sequential(*layers), nn.Sequential(last, GlobalAverage())


_GROUPS = 2


def _shufflenet(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    width = max(1, round(width / (4 * _GROUPS))) * 4 * _GROUPS
    layers: list[nn.Module] = [ConvNormAct(channels, width, 3)]
    before = width
    for number, made in enumerate(_stages(size, width)):
        layers += [ShuffleUnit(before, made, _GROUPS, stride=2)] if number else []
        layers += [ShuffleUnit(made, made, _GROUPS), ShuffleUnit(made, made, _GROUPS)]
        before = made
    return nn.Sequential(*layers), _averaged(before, classes)


def _fully_connected(channels: int, size: int, classes: int, width: int) -> tuple[nn.Module, nn.Module]:
    return nn.Identity(), _flattened(channels, size, [width, width], classes)


_Builder = Callable[[int, int, int, int], tuple[nn.Module, nn.Module]]
_BUILDERS: dict[str, tuple[_Builder, int]] = {  # and the width that is usual here
    "lecture": (_lecture, 25),
    "lenet5": (_lenet5, 6),
    "alexnet": (_alexnet, 32),
    "vgg": (_vgg, 32),
    "inception": (_inception, 32),
    "resnet": (_residual(squeeze=False), 16),
    "densenet": (_densenet, 24),
    "senet": (_residual(squeeze=True), 16),
    "xception": (_xception, 32),
    "mobilenet": (_mobilenet, 32),
    "squeezenet": (_squeezenet, 32),
    "shufflenet": (_shufflenet, 64),
    "fully_connected": (_fully_connected, 128),
}


def list_classifiers() -> list[str]:
    """The names that `build_classifier` knows."""
    return list(_BUILDERS)


def build_classifier(name: str, *, channels: int, size: int, classes: int, width: int | None = None) -> Classifier:
    """A fresh classifier.

    Args:
        name: one of `list_classifiers()`.
        channels: of the images: 1 for grey, 3 for colours.
        size: side of the images, at least 8.
        classes: how many, at least 2.
        width: channels of its first stage (units of a layer for ``fully_connected``); None for what is usual here.

    Raises:
        RecipeError: for an unknown name or a size out of range.
    """
    if name not in _BUILDERS:
        raise RecipeError(f"there is no classifier {name!r}; there are {', '.join(_BUILDERS)}")
    build, usual = _BUILDERS[name]
    width = usual if width is None else width
    for what, value, least in (
        ("channels", channels, 1),
        ("size", size, 8),
        ("classes", classes, 2),
        ("width", width, 4),
    ):
        if type(value) is not int or not least <= value <= 4096:
            raise RecipeError(f"classifier {name}: {what} = {value!r} is not a whole number from {least} to 4096")
    config = {"name": name, "channels": channels, "size": size, "classes": classes, "width": width}
    return Classifier(config, *build(channels, size, classes, width))


def equal_fully_connected(other: Classifier) -> Classifier:
    """The fully connected classifier with about as many parameters as ``other``, never fewer."""
    config = other.config
    wanted = sum(p.numel() for p in other.parameters())
    inputs, classes = config["channels"] * config["size"] ** 2, int(config["classes"])

    def parameters(width: int) -> int:
        return int((inputs + 1) * width + (width + 1) * width + (width + 1) * classes)

    width = 4
    while parameters(width) < wanted:
        width += 1
    return build_classifier(
        "fully_connected", channels=config["channels"], size=config["size"], classes=config["classes"], width=width
    )
