"""Boxes around things in pictures: formats, geometry, overlap, and the deltas that detectors learn."""

from lamina.ops.box_formats import convert_format

from .anchors import decode_deltas_to_boxes, encode_box_to_deltas
from .geometry import affine_transform, clip_to_image_size, crop, pad
from .overlap import compute_ciou, compute_iou

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
