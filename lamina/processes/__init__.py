"""The processes that train one model together: `torch.distributed`, in the few words that the rest of Lamina needs.

Everything here is about processes and tensors; nothing knows models or data. All state is PyTorch's process group.
"""

from .gradients import Gradients
from .share import Portion, Share
from .sums import sum_over_all
from .world import World, is_first, joined

__all__ = ["Gradients", "Portion", "Share", "World", "is_first", "joined", "sum_over_all"]
