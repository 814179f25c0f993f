"""What Keras' `quantize` is here: a word that says what to use."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError
from lamina.graph.source import caller


class Quantizing:
    """The part of a layer that answers to Keras' words for quantized weights."""

    quantization_mode: str | None = None

    def quantize(self, mode: Any = None, config: Any = None, **kwargs: Any) -> None:
        """Keras' method; layers of Lamina have no quantized weights.

        Raises:
            ArgumentError: always; it says what there is instead.
        """
        owner = getattr(self, "label", type(self).__name__)
        raise ArgumentError(
            f"{owner} cannot be quantized in place.",
            got=f"quantize({mode!r})",
            where=str(caller()),
            expected="weights in a dtype of floats",
            hint="model.to(torch.bfloat16) halves them; for 8 bits torch.export.export(model, inputs), and PyTorch's "
            "quantization of exported programs (torchao's pt2e: prepare_pt2e, convert_pt2e)",
        )
