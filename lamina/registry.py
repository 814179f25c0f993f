"""Finds objects by name and turns them into plain data and back, without importing or evaluating anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lamina.custom_objects import find, get_registered_name
from lamina.graph.errors import ArgumentError, LaminaError
from lamina.nearest import fold, nearest, suggested

Table = Mapping[str, Any]

# What "module" may say beside a name of ours. It is compared, never imported.
_NO_LOSSES = frozenset(("accuracy", "acc", "auc", "precision", "recall", "f1", "f1_score"))
_OWN_MODULES = ("keras", "lamina", "builtins", "None")


class Absent:
    """Stands for an object of the user's that was not at hand when a file was read; in a config it is that object.

    Args:
        serialized: what the file says of it.
    """

    def __init__(self, serialized: dict[str, Any]) -> None:
        self.serialized = serialized

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {name_of(self.serialized)}>"


def name_of(config: dict[str, Any]) -> str:
    """The name of the class or function that serialized data tells.

    >>> name_of({"class_name": "function", "config": "halved"})
    'halved'
    """
    return str(config["config"] if config.get("class_name") == "function" else config.get("class_name"))


def config_of(obj: Any, kind: str = "object") -> Any:
    """What an object's ``get_config`` gives; where that is nothing, it must be all there is to tell.

    Raises:
        ArgumentError: it has none of its own, and its class called without arguments makes another one.
    """
    cls, why = type(obj), ""
    try:
        config = obj.get_config()
    except NotImplementedError as error:
        config, why = None, str(error)
    if config == {} and getattr(obj, "__dict__", None) and not _made_by_nothing(obj):
        why = f"{cls.__name__}.get_config() gives nothing, and {cls.__name__}() is another one"
    if why:
        hint = f"def get_config(self) in {cls.__name__} that returns the arguments of __init__"
        raise ArgumentError(f"This {kind} cannot be saved.", got=why, hint=hint)
    return config


class Registry:
    """The closed set of names of one kind of object (initializers, losses, ...).

    Args:
        kind: singular word used in messages, such as "initializer".
        classes: public name -> class with `get_config()` and the classmethod `from_config(config)`.
        functions: public name -> function, handed out as it is; in snake_case it goes before a class of that name.
        aliases: further name -> name of a class or function, such as {"mse": "mean_squared_error"}.
        stand_in: makes what stands for an object that is not at hand, where data say ``"absent": True``, or that no
            data tell, where they say ``"absent": "untold"``.

    >>> shapes = Registry("shape function", classes={}, functions={"length": len}, aliases={"size": "length"})
    >>> shapes.get("size")([1, 2, 3]), shapes.serialize(len)
    (3, 'length')
    """

    def __init__(
        self,
        kind: str,
        classes: Table,
        functions: Table | None = None,
        aliases: Table | None = None,
        stand_in: Callable[[dict[str, Any]], Absent] | None = None,
    ) -> None:
        self.kind, self._stand_in = kind, stand_in
        self._functions = dict(functions or {})
        exact = {**classes, **self._functions}
        exact |= {alias: exact[name] for alias, name in (aliases or {}).items()}
        self._exact = exact
        self.of_other_homes: dict[str, Any] = {}
        """Name -> class of a package that knows this one, and adds its own: found where data say "module"."""
        # Later entries win: spelled exactly > function in any spelling > class in any spelling.
        self._targets = {fold(name): target for name, target in (*classes.items(), *self._functions.items())} | exact

    def get(self, identifier: Any, custom_objects: Table | None = None) -> Any:
        """Object for a name, a dict from `serialize` or a class; None and any other object come back as they are.

        Raises ArgumentError for an unknown name, or something that cannot be an object of this kind.
        """
        if identifier is None:
            return None
        if type(identifier) is str and custom_objects is None:  # the usual way, without what data are asked
            target = self._find(identifier, None, None)
            if target is not None:
                return self._make(target, {}) if isinstance(target, type) else target
        if isinstance(identifier, (str, dict)):
            return self.deserialize(identifier, custom_objects)
        if isinstance(identifier, type):
            return self._make(identifier, {})
        if callable(identifier) or hasattr(identifier, "get_config"):
            return identifier
        got = f"{identifier!r} of type {type(identifier).__name__}"
        expected = "a name, an object, a callable, a dict from serialize(), or None"
        raise ArgumentError(f"This cannot be used as {self.kind}.", got=got, expected=expected)

    def serialize(self, obj: Any) -> Any:
        """Plain data for `obj`: the name of a function of ours, else {"class_name", "config"}.

        What is not ours also carries "module", a mark that its class or function has to be handed to `deserialize`, or
        be in scope or registered there; a registered one goes by its registered name.
        Raises ArgumentError for an object with neither a name nor `get_config()`.
        """
        ours = [name for name, function in self._functions.items() if function is obj]
        if obj is None or ours:
            return ours[0] if ours else None
        if isinstance(obj, Absent):
            return obj.serialized
        cls = type(obj)
        if hasattr(obj, "get_config") and cls is not type:
            config = config_of(obj, self.kind)
            if self._exact.get(cls.__name__) is cls:
                return {"class_name": cls.__name__, "config": config}
            return {"class_name": get_registered_name(cls), "config": config, "module": cls.__module__}
        name = getattr(obj, "__name__", "<lambda>")
        if name == "<lambda>" or cls is type:
            expected, hint = "an object with get_config(), or a function with a name", "pass a function made by def"
            raise ArgumentError(f"This {self.kind} cannot be saved.", got=repr(obj), expected=expected, hint=hint)
        module = getattr(obj, "__module__", None) or "unknown"
        return {"class_name": "function", "config": get_registered_name(obj), "module": module}

    def deserialize(self, config: Any, custom_objects: Table | None = None) -> Any:
        """Reverse of `serialize`. Knows the names here, those in `custom_objects`, in scope, and registered.

        `custom_objects` go before ours; what is in scope or registered never stands for a name of ours.

        Raises ArgumentError for an unknown name, a foreign module, malformed data, or a config that the class refuses.
        """
        if config is None:
            return None
        name, arguments, module = self._read(config)
        absent = config.get("absent") if self._stand_in and isinstance(config, dict) else None
        target = None if absent == "untold" else self._find(name, module, custom_objects)
        registered = config.get("registered_name") if isinstance(config, dict) else None
        if target is None and absent is None and isinstance(registered, str) and ">" in registered:
            target = find(registered, custom_objects)  # as Keras' files say it, beside the plain name
        if target is None and self._stand_in and absent:
            return self._stand_in(config)
        if target is None or (arguments and not isinstance(target, type)):  # a function that is only spelled alike
            raise self._unknown(name, module)
        if isinstance(config, dict) and config.get("class_name") == "function" and isinstance(target, type):
            # A place for a function must not become a call of a constructor.
            raise ArgumentError(f'The {self.kind} "{name}" is said to be a function, but is a class.', got=repr(target))
        return self._make(target, arguments) if isinstance(target, type) else target

    def _find(self, name: str, module: Any, custom_objects: Table | None) -> Any:
        target = custom_objects.get(name) if custom_objects else None
        ours = module is None or str(module).split(".")[0] in _OWN_MODULES
        if target is None and ours:
            target = self._exact.get(name)
        if target is None:
            target = find(name, custom_objects)
        if target is None and ours and module is not None:
            target = self.of_other_homes.get(name)
        return self._targets.get(fold(name)) if target is None and ours else target

    def _unknown(self, name: str, module: Any) -> ArgumentError:
        near = suggested(nearest(name, self._exact))
        hint = _of_other_kind(self.kind, name) or f'custom_objects={{"{name}": ...}} if it is your own'
        return ArgumentError(
            f'Unknown {self.kind} "{name}".',
            got=repr(name) if module is None else f'"{name}" of "{module}", and nothing is imported by its name',
            expected="the name of one that Lamina has, or an object of your own",
            hint=f"{near} Or {hint}" if near else hint,
        )

    def _read(self, config: Any) -> tuple[str, dict[str, Any], Any]:
        """Name, arguments and module that serialized data tells."""
        if isinstance(config, str):
            return config, {}, None
        data = config if isinstance(config, dict) else {}
        name, arguments = data.get("class_name"), data.get("config")
        if name == "function" and isinstance(arguments, str):
            return arguments, {}, data.get("module")
        if not isinstance(name, str) or not isinstance(arguments, (dict, type(None))):
            expected = 'a name, or {"class_name": "...", "config": {...}}'
            raise ArgumentError(f"This data does not tell which {self.kind}.", got=repr(config), expected=expected)
        return name, arguments or {}, data.get("module")

    def _make(self, cls: Any, arguments: dict[str, Any]) -> Any:
        try:
            return _instance(cls, arguments)
        except RecursionError:
            headline = f"The config of {cls.__name__} is nested too deep."
            raise ArgumentError(headline, expected="objects in objects, some dozens deep") from None


def _instance(cls: Any, arguments: dict[str, Any]) -> Any:
    try:
        return cls.from_config(arguments) if hasattr(cls, "from_config") else cls(**arguments)
    except TypeError as error:
        headline = f"{cls.__name__} cannot be made from these arguments."
        hint = error.headline if isinstance(error, LaminaError) else str(error)
        if cls.__module__.startswith("torch.optim"):
            hint = (
                f"torch.optim.{cls.__name__}(model.parameters(), lr=...), or {cls.__name__.lower()!r} for Lamina's own"
            )
        raise ArgumentError(headline, got=repr(arguments), hint=hint) from error


def _of_other_kind(kind: str, name: str) -> str | None:
    """What to write for a metric that is given as the loss: nothing can be learnt from it."""
    if kind == "loss" and name.lower() in _NO_LOSSES:
        return (
            f"metrics=[{name!r}], and a loss such as 'sparse_categorical_crossentropy', 'binary_crossentropy' or 'mse'"
        )
    return None


def _made_by_nothing(obj: Any) -> bool:
    """Whether its class, called without arguments, makes the same."""
    try:
        return bool(vars(_instance(type(obj), {})) == vars(obj))
    except Exception:  # noqa: BLE001  it is the user's code, which may raise anything; tensors have no one answer
        return False
