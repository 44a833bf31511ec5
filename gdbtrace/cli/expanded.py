"""Options that several commands share, as dataclasses that a command takes whole."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def values_of(group: Any) -> dict[str, Any]:
    """A dataclass's fields and their values, as they are."""
    return {field.name: getattr(group, field.name) for field in fields(group)}


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """A command for typer, of a function some of whose parameters are dataclasses: each field is an option.

    A field is annotated, and has a default or none, as a parameter of typer's.
    """
    parameters: dict[str, inspect.Parameter] = {}
    groups: dict[str, type[Any]] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hint := hints[name]) and isinstance(hint, type):
            groups[name] = hint
            field_hints = get_type_hints(hint, include_extras=True)
            for field in fields(hint):
                parameters[field.name] = parameter.replace(
                    name=field.name,
                    kind=parameter.KEYWORD_ONLY,
                    annotation=field_hints[field.name],
                    default=parameter.empty if field.default is MISSING else field.default,
                )
        else:
            parameters[name] = parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hint)

    def call(**values: Any) -> None:
        taken = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**taken, **values)

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    call.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
    return call
