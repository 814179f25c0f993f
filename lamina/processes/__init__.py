"""The processes that train one model together: `torch.distributed`, in the few words that the rest of Lamina needs.

Everything here is about processes and tensors; nothing knows models or data. All state is PyTorch's process group.
"""

from .errors import ProcessError
from .files import written_by_first
from .gradients import Gradients
from .lost import finding_lost
from .share import Portion, Share
from .sums import sum_over_all
from .world import World, is_first, joined

__all__ = [
    "Gradients",
    "Portion",
    "ProcessError",
    "Share",
    "World",
    "finding_lost",
    "is_first",
    "joined",
    "sum_over_all",
    "written_by_first",
]
