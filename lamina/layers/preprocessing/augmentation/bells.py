"""Pictures smoothed by Gaussians, each by one of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F

# Windows up to here are sums of moved pictures, which takes half the time of a convolution of three channels.
_FEW = 9


def smoothed(
    x: torch.Tensor,
    size: int | tuple[int, int],
    sigma: tuple[torch.Tensor, torch.Tensor],
    own_reach: bool = False,
) -> torch.Tensor:
    """(B, C, H, W), each picture smoothed by a Gaussian of its own deviation; beyond the border all is 0.

    Args:
        size: of the window in pixels, odd: one number, or (width, height).
        sigma: (B,) deviations along the width and the height, in pixels.
        own_reach: cut each picture's window to 6 of its sigma, as an odd number of pixels.
    """
    batch, channels = x.shape[:2]
    width, height = (size, size) if isinstance(size, int) else size
    if max(width, height) <= _FEW:
        across, down = (_weights(n, s.to(x.dtype), own_reach) for n, s in ((width, sigma[0]), (height, sigma[1])))
        return _slid(_slid(x, across, 3), down, 2)
    across, down = (
        _weights(n, s.to(x.dtype), own_reach).repeat_interleave(channels, 0)
        for n, s in ((width, sigma[0]), (height, sigma[1]))
    )
    # One group a plane, so that all planes of all pictures are one call.
    planes = x.reshape(1, batch * channels, *x.shape[2:])
    planes = F.conv2d(planes, down.reshape(-1, 1, height, 1), padding=(height // 2, 0), groups=batch * channels)
    planes = F.conv2d(planes, across.reshape(-1, 1, 1, width), padding=(0, width // 2), groups=batch * channels)
    return planes.reshape(x.shape)


def _weights(size: int, sigma: torch.Tensor, own_reach: bool) -> torch.Tensor:
    """(B, size) weights of Gaussians around their middle, each row with the sum 1."""
    distance = torch.arange(size, dtype=sigma.dtype, device=sigma.device) - (size - 1) / 2
    sigma = sigma.clamp(min=1e-6).unsqueeze(1)
    weights = torch.exp(-0.5 * (distance / sigma) ** 2)
    if own_reach:
        odd = (6 * sigma).floor() // 2 * 2 + 1
        weights = torch.where(distance.abs() <= odd // 2, weights, 0.0)
    return weights / weights.sum(1, keepdim=True)


def _slid(x: torch.Tensor, weights: torch.Tensor, axis: int) -> torch.Tensor:
    """(B, C, H, W), each picture with its weights (B, N) laid over an axis; beyond the border all is 0."""
    size, middle = x.shape[axis], weights.shape[1] // 2
    shares = weights[:, :, None, None, None].unbind(1)
    total = x * shares[middle]
    for reach in range(1, min(middle, size - 1) + 1):
        n = size - reach
        total.narrow(axis, reach, n).addcmul_(x.narrow(axis, 0, n), shares[middle - reach])
        total.narrow(axis, 0, n).addcmul_(x.narrow(axis, reach, n), shares[middle + reach])
    return total
