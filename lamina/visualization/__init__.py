"""Pictures beside each other, with their labels, boxes and masks, for a person to look at."""

from lamina.public_names import names_of

from .box_gallery import plot_bounding_box_gallery
from .boxes import draw_bounding_boxes
from .gallery import plot_image_gallery
from .mask_gallery import plot_segmentation_mask_gallery
from .masks import draw_segmentation_masks

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

__getattr__, __dir__ = names_of(__name__, __all__)
