"""What files of Keras 1 and 2 say, in the words of Keras 3: plain JSON in, plain JSON out, by tables."""

from .entries import in_todays_words
from .names import safe_name, safe_names
from .versions import TODAY, Version, version_of
from .words import OLD_HARD_SIGMOID

__all__ = ["OLD_HARD_SIGMOID", "TODAY", "Version", "in_todays_words", "safe_name", "safe_names", "version_of"]
