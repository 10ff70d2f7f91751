"""OptionGroup: options that several commands share, which each takes as one argument."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace
from typing import Any, get_type_hints

_BY_NAME = inspect.Parameter.KEYWORD_ONLY


@dataclass(frozen=True)
class OptionGroup:
    """Options that belong together.

    Parameters
    ----------
    argument
        The argument of a command that stands for all of them.
    options
        Annotation, as typer reads it, and default of each, by name.
    make
        What the argument is made with: it takes the options by name.
    """

    argument: str
    options: Mapping[str, tuple[Any, Any]]
    make: Callable[..., object]

    def without(self, *names: str) -> OptionGroup:
        """The same group less the options that a command does not offer."""
        offered = {name: each for name, each in self.options.items() if name not in names}
        return dataclasses.replace(self, options=offered)

    def parameters(self) -> list[inspect.Parameter]:
        """The options as parameters of a command."""
        return [
            inspect.Parameter(name, _BY_NAME, default=default, annotation=annotation)
            for name, (annotation, default) in self.options.items()
        ]

    def taken(self, given: dict[str, Any]) -> object:
        """Take the options out of what typer calls a command with."""
        return self.make(**{name: given.pop(name) for name in self.options if name in given})


def group_of(argument: str, made: type) -> OptionGroup:
    """Make the group of a dataclass whose fields typer can read.

    Examples
    --------
    >>> from regkit.cli.running import Running
    >>> sorted(group_of("running", Running).without("debug", "quiet").options)
    ['as_json', 'dry_run', 'full_paths', 'overwrite', 'record', 'resume']
    """
    hints = get_type_hints(made, include_extras=True)
    options = {each.name: (hints[each.name], each.default) for each in dataclasses.fields(made)}
    return OptionGroup(argument, options, made)


def takes(*groups: OptionGroup) -> Callable[[Any], Callable[..., None]]:
    """Give a command the options of groups, each group as one argument.

    Parameters
    ----------
    groups
        The groups; the command has an argument of the name of each.

    Returns
    -------
    Callable
        A decorator. What it returns has the options in its signature, where the argument was, so
        that typer offers them.
    """

    def decorated(command: FunctionType) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**given: Any) -> None:
            made = {group.argument: group.taken(given) for group in groups}
            command(**made, **given)

        signature = inspect.Signature(_parameters(command, groups))
        called.__dict__["__signature__"] = signature
        called.__annotations__ = {
            name: each.annotation for name, each in signature.parameters.items()
        }
        return called

    return decorated


def _parameters(command: FunctionType, groups: tuple[OptionGroup, ...]) -> list[inspect.Parameter]:
    by_argument = {group.argument: group for group in groups}
    hints = _hints(command, set(by_argument))
    found: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in by_argument:
            found += by_argument[name].parameters()
        else:
            found.append(parameter.replace(annotation=hints[name], kind=_BY_NAME))
    return found


def _hints(command: FunctionType, but: set[str]) -> dict[str, Any]:
    """The annotations of a command; those of its groups may name types that are not imported."""
    rest = {name: each for name, each in command.__annotations__.items() if name not in but}
    bare = SimpleNamespace(__annotations__=rest)
    return get_type_hints(bare, globalns=command.__globals__, include_extras=True)
