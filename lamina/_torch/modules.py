"""What PyTorch's modules and modes keep for themselves."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import Any

import torch

from .symbols import Symbol, found

SYMBOLS = (
    Symbol(
        "torch.nn.modules.module._has_any_global_hook",
        "hooks on all modules are taken to be there: layers run one by one, not joined or folded",
    ),
    Symbol("torch.nn.modules.loss._Loss", "the public classes of losses in `torch.nn`, and what is derived from them"),
    Symbol(
        "torch.overrides._get_current_function_mode_stack",
        "`torch.get_default_device()`, which does not tell `torch.device('cpu')` from nothing said",
    ),
    Symbol("torch.utils._device.DeviceContext", "the same"),
)

# Attributes that stand in the open all over the library, since they are read, written and overridden on every module:
# name -> where they are found, and for what. PyTorch has kept them for years and packages beyond count rely on them;
# nothing public can take their place, so a PyTorch without them is refused when Lamina is imported.
ATTRIBUTES = MappingProxyType(
    {
        "_parameters": (torch.nn.Module, "a module's own parameters by name"),
        "_buffers": (torch.nn.Module, "its own buffers by name"),
        "_modules": (torch.nn.Module, "its own parts by name"),
        "_non_persistent_buffers_set": (torch.nn.Module, "names of the buffers that are not in state_dict"),
        "_forward_hooks": (torch.nn.Module, "its hooks: with one, a layer runs as it is"),
        "_forward_pre_hooks": (torch.nn.Module, "the same, before the call"),
        "_backward_hooks": (torch.nn.Module, "the same, after its gradients"),
        "_backward_pre_hooks": (torch.nn.Module, "the same, before its gradients"),
        "_compiled_call_impl": (torch.nn.Module, "whether `Module.compile` was called: such code looks at flags only"),
        "_save_to_state_dict": (torch.nn.Module, "overridden: a weight that was detached is stored as a plain tensor"),
        "_load_from_state_dict": (torch.nn.Module, "overridden: a module reads the names of the one it replaced"),
        "_apply": (torch.nn.Module, "overridden: `to` makes new buffers, which stay `Variable`s"),
        "_base": (torch.Tensor, "which tensor a view shows: the view of a parameter stays the parameter's"),
        "_version": (torch.Tensor, "how often a tensor was written to: folded weights are made anew"),
    }
)


def _check_attributes() -> None:
    examples: dict[type, Any] = {torch.nn.Module: torch.nn.Module(), torch.Tensor: torch.zeros(0)}
    missing = [name for name, (kind, _) in ATTRIBUTES.items() if not hasattr(examples[kind], name)]
    if missing:
        raise ImportError(
            f"Lamina does not know PyTorch {torch.__version__}: its modules or tensors have no {', '.join(missing)}. "
            "Install a version that docs/versions.md names."
        )


_check_attributes()


def _always() -> bool:
    return True


def has_hooks(module: torch.nn.Module) -> bool:
    """Whether somebody wants to be told when this very module runs, or its gradients do."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )


any_global_hook = found("torch.nn.modules.module._has_any_global_hook") or _always

_loss = found("torch.nn.modules.loss._Loss")
# Whatever is an instance of one of these is called with (predictions, targets).
LOSSES: tuple[type, ...] = (
    (_loss,)
    if _loss is not None
    else tuple(kind for name, kind in vars(torch.nn).items() if name.endswith("Loss") and inspect.isclass(kind))
)


def note_steps(optimizer: torch.optim.Optimizer) -> None:
    """Tell a scheduler of PyTorch's that the optimizer has made steps, in an earlier process: else it warns.

    A PyTorch that keeps this elsewhere warns, and does the same.
    """
    optimizer._opt_called = True  # type: ignore[attr-defined]


_modes = found("torch.overrides._get_current_function_mode_stack")
_DeviceContext = found("torch.utils._device.DeviceContext")


def chosen_device(trials: int) -> torch.device | None:
    """What the user told PyTorch by `with torch.device(...)` or `torch.set_default_device`; None if nothing.

    Args:
        trials: how many trials of a layer on shapes alone are going on. Each has said "meta", which is passed over: a
            layer's weights are real meanwhile. The "meta" of the user counts.
    """
    if _modes is None or _DeviceContext is None:
        default = torch.get_default_device()
        return None if default.type == "cpu" or (default.type == "meta" and trials) else default
    for mode in reversed(_modes()):
        if isinstance(mode, _DeviceContext):
            if mode.device.type != "meta" or not trials:
                device: torch.device = mode.device
                return device
            trials -= 1
    return None


def makes_on(device: torch.device) -> bool:
    """Whether functions that make tensors do so on this device, when they are told nothing. False where that is not
    known at once."""
    known = _modes is not None and _DeviceContext is not None and device.type == "cpu" and device.index is None
    return known and not any(isinstance(mode, _DeviceContext) for mode in _modes())
