"""What is allowed and makes no sense: one warning each, with the user's line and what to try."""

from .captured import tell_of_captured
from .endings import tell_of_endings, tell_of_reach
from .gradients import tell_of_no_gradient
from .held import check_held
from .held_out import tell_of_new_classes
from .inputs import tell_of_inputs
from .loss_watch import LossWatch
from .losses import tell_of_losses, tell_of_predictions
from .metrics import tell_of_absent_classes, tell_of_metrics
from .rates import tell_of_rates, tell_of_strangers
from .said import Said
from .targets import tell_of_targets
from .uncalled import tell_of_uncalled
from .unheld import tell_of_unheld
from .unreached import tell_of_unreached
from .unused import tell_of_unused
from .weights import tell_of_negative_weights

__all__ = [
    "LossWatch",
    "Said",
    "check_held",
    "tell_of_absent_classes",
    "tell_of_captured",
    "tell_of_inputs",
    "tell_of_endings",
    "tell_of_losses",
    "tell_of_metrics",
    "tell_of_negative_weights",
    "tell_of_new_classes",
    "tell_of_no_gradient",
    "tell_of_predictions",
    "tell_of_rates",
    "tell_of_reach",
    "tell_of_strangers",
    "tell_of_targets",
    "tell_of_uncalled",
    "tell_of_unheld",
    "tell_of_unreached",
    "tell_of_unused",
]
