"""Data sets from folders: one class for each subfolder, read file by file when a batch is asked for."""

from .audio import audio_dataset_from_directory
from .images import image_dataset_from_directory
from .texts import text_dataset_from_directory

__all__ = ["audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory"]
