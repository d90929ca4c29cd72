"""The figures of the lectures: convolution, pooling, receptive fields, multiplications, a convolution as a matrix."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from goengine.layers import convolution, convolution_matrix, multiplications, receptive_fields, transposed_convolution


def grid(text: str) -> Tensor:
    """Rows apart by blanks, a digit a pixel; or rows apart by /, numbers apart by blanks. (1, 1, rows, columns)."""
    rows = [row.split() for row in text.split("/")] if "/" in text or "-" in text else [list(r) for r in text.split()]
    return torch.tensor([[float(number) for number in row] for row in rows])[None, None]


A = grid("100001 010010 001100 100010 010010 001010")
FILTER_1 = grid("1 -1 -1 / -1 1 -1 / -1 -1 1")
FILTER_2 = grid("-1 1 -1 / -1 1 -1 / -1 1 -1")
B = grid("33210 00131 31223 20022 20001")
FILTER_B = grid("012 220 012")


def convolved(image: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    layer = convolution(1, 1, weight.shape[-1], bias=True, stride=stride, padding=padding)
    layer.weight = nn.Parameter(weight)
    return layer(image).detach()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("image", "weight", "stride", "padding", "expected"),
    [
        (A, FILTER_1, 1, 0, "3 -1 -3 -1 / -3 1 0 -3 / -3 -3 0 1 / 3 -2 -2 -1"),
        (A, FILTER_1, 2, 0, "3 -3 / -3 0"),
        (A, FILTER_2, 1, 0, "-1 -1 -1 -1 / -1 -1 -2 1 / -1 -1 -2 1 / -1 0 -4 3"),
        (B, FILTER_B, 1, 0, "12 12 17 / 10 17 19 / 9 6 14"),
        (B, FILTER_B, 2, 1, "6 17 3 / 8 17 13 / 6 4 4"),
    ],
)
def test_convolutions(image: Tensor, weight: Tensor, stride: int, padding: int, expected: str) -> None:
    assert torch.equal(convolved(image, weight, stride, padding), grid(expected))


def test_max_pooling() -> None:
    assert torch.equal(nn.MaxPool2d(2)(convolved(A, FILTER_1)), grid("3 0 / 3 1"))
    assert torch.equal(nn.MaxPool2d(2)(grid("1253 3012 2134 1120")), grid("35 24"))
    assert torch.equal(nn.MaxPool2d(3, stride=1)(B), grid("333 333 323"))


def test_average_pooling() -> None:
    expected = grid("1.7 1.7 1.7 / 1.0 1.2 1.8 / 1.1 0.8 1.3")
    assert torch.allclose(nn.AvgPool2d(3, stride=1)(B), expected, atol=0.05)


def test_receptive_fields() -> None:
    assert receptive_fields([3] * 8, [1, 2, 1, 1, 2, 1, 1, 2]) == [3, 5, 9, 13, 17, 25, 33, 41]
    assert receptive_fields([5] + [3] * 11)[-1] == 27  # AlphaGo's network: not the whole board from a corner
    assert receptive_fields([3, 3], dilations=[1, 2]) == [3, 7]


def test_a_receptive_field_is_what_the_gradient_reaches() -> None:
    kernels, strides = [3, 3, 5], [1, 2, 1]
    image = torch.zeros(1, 1, 41, 41, requires_grad=True)
    x: Tensor = image
    for kernel, stride in zip(kernels, strides, strict=True):
        x = functional.conv2d(x, torch.ones(1, 1, kernel, kernel), stride=stride)
    x[0, 0, 5, 5].backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert int((image.grad[0, 0] != 0).any(0).sum()) == receptive_fields(kernels, strides)[-1]


def test_multiplications() -> None:
    counted = multiplications(64, 128, 3, 19, 19)
    assert counted.standard == 361 * 9 * 64 * 128
    assert (counted.depthwise, counted.pointwise) == (361 * 9 * 64, 361 * 64 * 128)
    assert counted.separable / counted.standard == pytest.approx(1 / 128 + 1 / 9)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_a_convolution_as_a_matrix_and_its_transpose(stride: int, padding: int) -> None:
    matrix = convolution_matrix(FILTER_B, 5, 5, stride, padding)
    expected = convolved(B, FILTER_B, stride, padding)
    assert torch.equal(matrix @ B.flatten(), expected.flatten())
    back = transposed_convolution(1, 1, 3, stride=stride, padding=padding, bias=False)
    back.weight = nn.Parameter(FILTER_B)
    assert torch.equal((matrix.T @ expected.flatten()).view(1, 1, 5, 5), back(expected).detach())
