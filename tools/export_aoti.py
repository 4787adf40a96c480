"""AOTInductor packages (.pt2) for tools/export_model.py: the model as machine code, with a batch of
any size, and the outputs of chosen layers ("taps") beside its own."""

from __future__ import annotations

import difflib
import functools
import inspect
import json
import os
from pathlib import Path
from typing import Any

import torch

# What a package is compiled with and tried on. Inductor chooses by the traced size how to convolve
# and multiply; the choices for small batches hold for no others, those for this one for all.
TRACED_BATCH = 64
TRIED_BATCHES = (1, 2, 7, TRACED_BATCH, TRACED_BATCH + 1)


class ExportError(Exception):
    """Says what is wrong, why, and what to do."""


def find_layers(model: torch.nn.Module, wanted: list[str]) -> list[str]:
    names = [name for name, _ in model.named_modules() if name]
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or names[:8]
            raise ExportError(f"the model has no layer '{name}' (near: {', '.join(near)}): take "
                              "names of model.named_modules()")
    return wanted


def first_tensor(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        found = (first_tensor(value) for value in output)
        return next((tensor for tensor in found if tensor is not None), None)
    return None


def type_of(model: torch.nn.Module, tap_name: str) -> str:
    """"Conv2d" of "conv1#1"."""
    return type(model.get_submodule(tap_name.partition("#")[0])).__name__


def tap(model: torch.nn.Module, layers: list[str], inputs: list[torch.Tensor]) -> list[str]:
    """Makes the model return (its output, [a tensor per tap]); the taps' names. A layer that is
    called again gives name#1, name#2 and so on."""
    taps: list[tuple[str, torch.Tensor]] = []
    for name in find_layers(model, layers):
        def keep(_module: Any, _inputs: Any, output: Any, name: str = name) -> None:
            tensor = first_tensor(output)
            if tensor is None:
                raise ExportError(f"layer '{name}' returns no tensor: leave it out of --layers")
            calls = sum(other.partition("#")[0] == name for other, _ in taps)
            # A copy: what follows may change the layer's output in place.
            taps.append((f"{name}#{calls}" if calls else name, tensor.clone()))

        model.get_submodule(name).register_forward_hook(keep)
    original = model.forward

    @functools.wraps(original)
    def forward(*arguments: Any) -> tuple[Any, list[torch.Tensor]]:
        taps.clear()
        output = original(*arguments)
        return output, [tensor for _, tensor in taps]

    model.forward = forward  # type: ignore[method-assign]
    model(*inputs)
    names = [name for name, _ in taps]
    for name in layers:
        if name not in names:
            raise ExportError(f"layer '{name}' does not run in the model's forward: leave it out "
                              "of --layers")
    return names


def to_aoti(model: torch.nn.Module, inputs: list[torch.Tensor], layers: list[str],
            out: Path) -> list[str]:
    """Compiles the model for the device of its inputs; the names of its taps.

    @throws ExportError, or whatever torch says of a model that it cannot export
    """
    if out.suffix != ".pt2":
        raise ExportError(f"{out} does not end in .pt2 (torch wants that): rename it")
    parameters = list(inspect.signature(model.forward).parameters)[:len(inputs)]
    taps = tap(model, layers, inputs) if layers else []
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(model, tuple(inputs),
                                  dynamic_shapes=tuple({0: batch} for _ in inputs))
    torch._inductor.aoti_compile_and_package(program, package_path=str(out), inductor_configs={
        "aot_inductor.metadata": {
            "fod_taps": json.dumps(taps),
            "fod_tap_types": json.dumps([type_of(model, name) for name in taps]),
            "fod_inputs": json.dumps(parameters)},
        # The bound comes from those choices too, and batches below it give the same values.
        "aot_inductor.check_lowerbound": False,
        # The job decides on the number of threads, not the machine that compiles.
        "cpp.dynamic_threads": True,
    })
    return taps


def load_aoti(path: Path) -> Any:
    """The package as a callable that checks the shapes and types of what it is given."""
    os.environ["AOTI_RUNTIME_CHECK_INPUTS"] = "1"
    return torch._inductor.aoti_load_package(str(path))
