"""From python:module:callable to the object, and what a callable takes."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from typing import Any

from fod_bridge.errors import Refusal, failure, flush

FORM = "write python:module:callable, as python:net:make_model for `make_model` in net.py"
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parse(spec: str) -> tuple[str, str]:
    words = spec.split(":")
    if len(words) != 3 or not words[1] or not words[2]:
        raise Refusal(True, f"cannot read {spec}", "it does not name a module and what is in it",
                      FORM)
    if words[1].endswith(".py") or "/" in words[1]:
        raise Refusal(True, f"cannot read {spec}", f"{words[1]} is a file, not a module's name",
                      "name the module, without .py; its folder goes into PYTHONPATH")
    return words[1], words[2]


def no_module(spec: str, missing: str, error: BaseException) -> Refusal:
    """For an import that found nothing: the user's own module, or one that it needs."""
    module = parse(spec)[0]
    if missing == module or module.startswith(missing + "."):
        places = ", ".join(path for path in sys.path if os.path.isdir(path))
        return Refusal(True, f"cannot open {spec}",
                       f"there is no module '{missing}'; searched were {places}",
                       "start in the module's folder, or name that in PYTHONPATH")
    return failure(True, f"cannot import {module}, which {spec} names", error,
                   f"install '{missing}' for this interpreter, `{sys.executable} -m pip install …`")


def load_module(spec: str) -> Any:
    module = parse(spec)[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise no_module(spec, error.name or module, error) from None
    except BaseException as error:  # SystemExit too: the user's code must not end the job
        raise failure(True, f"cannot import {module}, which {spec} names", error,
                      f"see that `{sys.executable} -c 'import {module}'` works in this folder") \
            from None
    finally:
        flush()


def find(spec: str) -> Any:
    """What the spec names; the attribute may be dotted."""
    value = load_module(spec)
    module, path = parse(spec)
    where = module
    for name in path.split("."):
        if not hasattr(value, name):
            public = [other for other in dir(value) if not other.startswith("_")]
            near = difflib.get_close_matches(name, public, 1)
            raise Refusal(True, f"cannot open {spec}", f"{where} has no '{name}'",
                          f"did you mean '{near[0]}'?" if near else
                          "it has " + ", ".join(public[:20]))
        value = getattr(value, name)
        where += "." + name
    return value


def parameters_of(value: Any) -> list[inspect.Parameter] | None:
    """Of a call; None where Python cannot tell."""
    try:
        return list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return None


def is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty and parameter.kind not in (
        inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def is_factory(value: Any) -> bool:
    """A class or function without required parameters. What takes *args takes batches, unless it
    is a class."""
    if not callable(value):
        return False
    parameters = parameters_of(value)
    if parameters is None:
        return inspect.isclass(value)
    if any(is_required(parameter) for parameter in parameters):
        return False
    return inspect.isclass(value) or not any(
        parameter.kind == inspect.Parameter.VAR_POSITIONAL for parameter in parameters)


def make(spec: str, value: Any) -> Any:
    """Calls a factory."""
    try:
        return value()
    except BaseException as error:
        raise failure(True, f"{spec} failed when it was called without arguments", error,
                      "a callable without required parameters is a factory, called once") from None
    finally:
        flush()


def arity_of(spec: str, value: Any) -> tuple[int, int, str]:
    """Least and most positional arguments (-1: not limited or not known) and their names."""
    parameters = parameters_of(value)
    if parameters is None:
        return 0, -1, ""
    for parameter in parameters:
        if parameter.kind == inspect.Parameter.KEYWORD_ONLY and is_required(parameter):
            raise Refusal(True, f"{spec} cannot be called on a batch",
                          f"its parameter '{parameter.name}' can be given by name alone",
                          "give it a default, or make it positional")
    positional = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
    unlimited = any(parameter.kind == inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
    least = sum(is_required(parameter) for parameter in positional)
    names = ", ".join(parameter.name for parameter in positional)
    return least, -1 if unlimited else len(positional), names
