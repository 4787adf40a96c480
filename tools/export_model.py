#!/usr/bin/env python3
"""Exports a PyTorch model to a file that fod-generate reads.

    export_model.py MODULE:FACTORY --input-shape 1,1,8,8 --out m.pt [--trace]
    export_model.py MODULE:FACTORY --input-shape 1,1,8,8 --out m.pt2 --format aoti [--layers a,b]

FACTORY is an nn.Module, or a callable without parameters that returns one, in MODULE (searched in
the working folder and PYTHONPATH).
torchscript: the model is scripted, which keeps its control flow and its dropout (for --mc-dropout);
--trace records one run instead, for models that cannot be scripted.
aoti: the model is compiled by AOTInductor (needs g++, takes about a minute) for this kind of
processor or, with --device cuda, GPU. Neuron groups need the layers named here, by --layers.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

import torch

import export_aoti


def fail(problem: str) -> NoReturn:
    print(f"export_model: {problem}", file=sys.stderr)
    sys.exit(2)


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def load_model(spec: str) -> torch.nn.Module:
    module_name, colon, name = spec.partition(":")
    if not (module_name and colon and name):
        fail(f"'{spec}' names no model (it has no colon between two names): write MODULE:FACTORY")
    sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's module raises
        fail(f"cannot import {module_name} ({type(error).__name__}: {first_line(error)}): run this "
             "where it can be imported, or add its folder to PYTHONPATH")
    if not hasattr(module, name):
        public = [key for key, value in vars(module).items()
                  if callable(value) and getattr(value, "__module__", "") == module_name]
        fail(f"{module_name} has no '{name}' (it has {', '.join(public) or 'nothing callable'}): "
             "name one of its factories")
    made = getattr(module, name)
    if not isinstance(made, torch.nn.Module):
        try:
            made = made()
        except Exception as error:
            fail(f"{spec}() failed ({type(error).__name__}: {first_line(error)}): the factory must "
                 "work without parameters")
    if not isinstance(made, torch.nn.Module):
        fail(f"{spec} gives a {type(made).__name__} (no nn.Module): return the model itself")
    return made.eval()


def example_input(spec: str, batch: int = 0, device: str = "cpu") -> torch.Tensor:
    """'1,1,8,8' (float32) or '1,16:int64' as a tensor: random floats, or zeros for integers.
    With a batch, that takes the place of the first extent."""
    extents, _, type_name = spec.partition(":")
    dtype = getattr(torch, type_name or "float32", None)
    try:
        shape = [int(extent) for extent in extents.split(",")]
    except ValueError:
        shape = []
    if not shape or min(shape) < 1 or not isinstance(dtype, torch.dtype):
        fail(f"bad --input-shape '{spec}' (extents of 1 or more, perhaps a type): write the shape "
             "of a batch, such as 1,1,8,8 or 1,16:int64")
    return torch.rand([batch or shape[0], *shape[1:]]).to(dtype).to(device)


def to_torchscript(model: torch.nn.Module, inputs: list[torch.Tensor], trace: bool) -> Any:
    try:
        if trace:
            return torch.jit.trace(model, tuple(inputs))
        return torch.jit.script(model)
    except Exception as error:
        if trace:
            fail(f"the model cannot be traced ({first_line(error)}): check --input-shape")
        fail(f"the model cannot be scripted ({first_line(error)}): change what TorchScript does "
             "not know, or pass --trace, which records one run (control flow and dropout are lost)")


def describe(output: Any) -> str:
    if isinstance(output, torch.Tensor):
        return f"{str(output.dtype).removeprefix('torch.')} {tuple(output.shape)}"
    if isinstance(output, dict):
        return "{" + ", ".join(f"{key}: {describe(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (tuple, list)):
        return "(" + ", ".join(describe(value) for value in output) + ")"
    return type(output).__name__


def tensors(output: Any) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, dict):
        output = list(output.values())
    return [t for v in output for t in tensors(v)] if isinstance(output, (tuple, list)) else []


def run(model: torch.nn.Module, inputs: list[torch.Tensor]) -> Any:
    try:
        return model(*inputs)
    except Exception as error:
        fail(f"the model does not run on {', '.join(map(describe, inputs))} ({first_line(error)}): "
             "check --input-shape")


def is_close(expected: Any, again: Any) -> bool:
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
               for a, b in zip(tensors(expected), tensors(again), strict=True))


def export_torchscript(model: torch.nn.Module, arguments: argparse.Namespace) -> str:
    inputs = [example_input(spec) for spec in arguments.input_shape]
    expected = run(model, inputs)
    to_torchscript(model, inputs, arguments.trace).save(str(arguments.out))
    again = torch.jit.load(str(arguments.out))(*inputs)
    if not is_close(expected, again):
        arguments.out.unlink()
        fail("the exported model gives other values than the model on the same input (does it draw "
             "random numbers, or depend on its input's values?): script it instead of tracing")
    how = "traced" if arguments.trace else "scripted"
    return (f"TorchScript, {how}, input {', '.join(map(describe, inputs))}, "
            f"output {describe(again)}")


def export_aoti_package(model: torch.nn.Module, arguments: argparse.Namespace) -> str:
    if arguments.device == "cuda" and not torch.cuda.is_available():
        fail("--device cuda was asked for, but torch sees no GPU: compile on a machine with one")

    def inputs_of(batch: int) -> list[torch.Tensor]:
        return [example_input(spec, batch, arguments.device) for spec in arguments.input_shape]

    model.to(arguments.device)
    inputs = inputs_of(export_aoti.TRACED_BATCH)
    run(model, inputs)
    try:
        taps = export_aoti.to_aoti(model, inputs, arguments.layers, arguments.out)
    except export_aoti.ExportError as error:
        fail(str(error))
    except Exception as error:  # torch has many, of many lines
        fail(f"the model cannot be compiled ({first_line(error)}): change what torch.export does "
             "not know or ties to one batch size, or take --format torchscript")
    package = export_aoti.load_aoti(arguments.out)
    for batch in export_aoti.TRIED_BATCHES:
        inputs = inputs_of(batch)
        try:
            good = is_close(model(*inputs), again := package(*inputs))
        except Exception:  # its reason is on stderr, that of torch says nothing
            good = False
        if not good:
            arguments.out.unlink()
            fail(f"the compiled model gives other values than the model for a batch of {batch}, or "
                 "none (does it draw random numbers, or depend on the size of the batch?): take "
                 "--format torchscript")
    output = again[0] if taps else again
    return (f"AOTInductor for {arguments.device}, batches of any size, input "
            f"{', '.join(map(describe, inputs))}, output {describe(output)}"
            f"{', layers ' + ', '.join(taps) if taps else ''}")


@torch.no_grad()
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODULE:FACTORY")
    parser.add_argument("--input-shape", action="append", required=True, metavar="1,1,8,8[:TYPE]",
                        help="shape of a batch; repeat it for several inputs, in order")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--format", choices=["torchscript", "aoti"], default="torchscript")
    parser.add_argument("--trace", action="store_true", help="record one run instead of scripting")
    parser.add_argument("--layers", default=[], type=lambda text: text.split(","), metavar="a,b",
                        help="aoti: layers whose outputs are kept, as named_modules() names them")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu",
                        help="aoti: what to compile for")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # newer torch, of TorchScript
    warnings.filterwarnings("ignore", category=FutureWarning)  # torch's own, of its own parts
    if not arguments.out.parent.is_dir():
        fail(f"cannot write {arguments.out} (no folder {arguments.out.parent}): make it first")
    if arguments.format == "torchscript" and (arguments.layers or arguments.device != "cpu"):
        fail("--layers and --device are not needed for TorchScript (fod-generate taps any layer of "
             "such a file, on any device): leave them out, or pass --format aoti")
    if arguments.format == "aoti" and arguments.trace:
        fail("--trace is for TorchScript alone: leave it out")

    model = load_model(arguments.model)
    export = export_aoti_package if arguments.format == "aoti" else export_torchscript
    print(f"wrote {arguments.out}: {export(model, arguments)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
