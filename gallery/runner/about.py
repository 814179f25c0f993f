"""What an example says about itself, and what its run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lamina import Model

GROUPS = {
    1: "Reading images",
    2: "Encoders and decoders",
    3: "Comparing things",
    4: "Several inputs, several outputs",
    5: "Sequences and language",
    6: "Graphs, scenes and sounds",
    7: "Layers of one's own, choices and loops",
    8: "Models made of models, and training steps of one's own",
}


@dataclass(frozen=True)
class About:
    """What an example says about itself. It stands in the example's file, as `ABOUT`.

    Args:
        title: the name of the system.
        group: a key of `GROUPS`.
        answers: the sentence or phrase of the article that the example answers, word for word.
        data: what it learns from, where that is from, and whether it is real.
        measure: what the score says, on which held-out data.
        baseline: the weak model that is scored beside it.
        target: the score to reach.
        quick_target: what it must reach at reduced size: less, but more than chance.
        lower_is_better: the score is an error.
        not_in_keras: why Keras cannot express the model; empty where it can, and then Keras must answer the same.
        not_compiled: why `torch.compile(fullgraph=True)` cannot take it; empty where it must.
        keras_io: the example of the same system on keras.io, as ("vision/autoencoder", lines of code); None where there
            is none, or where nobody has counted.
        public: the set of `lamina.datasets` that `--public` trains on instead; `run` then takes `public=True`.
        timed: its training is timed beside Keras by `benchmarks/gallery_training.py`.
    """

    title: str
    group: int
    answers: str
    data: str
    measure: str
    baseline: str
    target: float
    quick_target: float
    lower_is_better: bool = False
    not_in_keras: str = ""
    not_compiled: str = ""
    keras_io: tuple[str, int] | None = None
    public: str = ""
    timed: bool = False

    def better(self, score: float, bar: float) -> bool:
        """Whether a score is at least as good as a bar."""
        return score <= bar if self.lower_is_better else score >= bar


@dataclass
class Result:
    """What an example's `run` gives back.

    Args:
        model: the trained model; it is saved, loaded, compiled and taken to Keras.
        inputs: some held-out inputs, as the model takes them: an array, or a list or a dict of arrays.
        score: as `About.measure` says.
        baseline: the same of the weak model.
        figure: what was learned, drawn by matplotlib.
        history: what `fit` returned, or a dict of lists: the curve.
        more: further numbers worth telling, by what they are.
    """

    model: Model
    inputs: Any
    score: float
    baseline: float
    figure: Figure
    history: Any = None
    more: Mapping[str, float] = field(default_factory=dict)
