"""The processes that train one model together: `torch.distributed`, in the few words that the rest of Lamina needs.

Everything here is about processes and tensors; nothing knows models or data. All state is PyTorch's process group.
"""

from .errors import ProcessError
from .files import written_by_first
from .gradients import Gradients
from .laid_out import LaidOut, laid_out, mark
from .lost import finding_lost
from .share import Portion, Share
from .sums import sum_over_all
from .world import World, end_at_exit, is_first, joined

__all__ = [
    "Gradients",
    "LaidOut",
    "Portion",
    "ProcessError",
    "Share",
    "World",
    "end_at_exit",
    "finding_lost",
    "is_first",
    "joined",
    "laid_out",
    "mark",
    "sum_over_all",
    "written_by_first",
]
