"""Models as estimators of scikit-learn: in its pipelines, searches and validations.

scikit-learn is loaded when one is asked for: ``pip install 'lamina[sklearn]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.public_names import names_of
from lamina.tracebacks import door

if TYPE_CHECKING:
    from .estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


@door
def __getattr__(name: str) -> Any:
    if name not in __all__:
        return _look_up(name)
    try:
        from . import estimators
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(f"wrappers.{name} needs scikit-learn: pip install 'lamina[sklearn]'") from error
    return getattr(estimators, name)


_look_up, __dir__ = names_of(__name__, __all__)
