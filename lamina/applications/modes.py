"""`imagenet_utils.preprocess_input` in each of its modes: the ``preprocess_input`` of the families."""

from __future__ import annotations

from typing import Any

from lamina.tracebacks import door

from .imagenet_utils import preprocess_input


@door
def caffe_pixels(x: Any, data_format: str | None = None) -> Any:
    """``imagenet_utils.preprocess_input(x, data_format, "caffe")``: BGR less ImageNet's mean.

    An array of floats is written over.

    >>> caffe_pixels(np.zeros((1, 1, 3), "float32"))
    array([[[-103.939, -116.779, -123.68 ]]], dtype=float32)
    """
    return preprocess_input(x, data_format, "caffe")


@door
def tf_pixels(x: Any, data_format: str | None = None) -> Any:
    """``imagenet_utils.preprocess_input(x, data_format, "tf")``: pixels from -1 to 1.

    An array of floats is written over.

    >>> tf_pixels(np.uint8([[[0, 0, 255]]]))
    array([[[-1., -1.,  1.]]], dtype=float32)
    """
    return preprocess_input(x, data_format, "tf")


@door
def torch_pixels(x: Any, data_format: str | None = None) -> Any:
    """``imagenet_utils.preprocess_input(x, data_format, "torch")``: channels of mean 0 and deviation 1 on ImageNet.

    An array of floats is written over.

    >>> torch_pixels(np.zeros((1, 1, 3), "float32")).round(3)
    array([[[-2.118, -2.036, -1.804]]], dtype=float32)
    """
    return preprocess_input(x, data_format, "torch")


def plain_pixels(x: Any, data_format: str | None = None) -> Any:
    """``x`` as it is: these models take pixels from 0 to 255 and have the rest in their first layers.

    >>> plain_pixels([0, 255])
    [0, 255]
    """
    return x
