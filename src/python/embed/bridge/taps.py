"""Submodules of an nn.Module, and their outputs inside of its forward."""

from __future__ import annotations

import collections.abc
import contextlib
from typing import Any, Callable

import torch
from torch.utils import dlpack

from fod_bridge.errors import Refusal

# What can be handed over.
TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def bare(name: str) -> str:
    """Without what torch.compile puts into names."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def submodules(root: torch.nn.Module) -> list[tuple[torch.nn.Module, list[str]]]:
    """Each with all of its names."""
    names: dict[torch.nn.Module, list[str]] = {}
    for name, module in root.named_modules(remove_duplicate=False):
        known = names.setdefault(module, [])
        if bare(name) and bare(name) not in known:
            known.append(bare(name))
    names.pop(root, None)
    return [(module, known) for module, known in names.items() if known]


def type_of(module: torch.nn.Module) -> str:
    if isinstance(module, torch.jit.ScriptModule):
        return str(module.original_name)
    return type(module).__name__


def unseen(module: torch.nn.Module) -> str:
    """Why a submodule's calls cannot be seen; empty if they can."""
    if isinstance(module, torch.jit.ScriptModule):
        return "it is a ScriptModule, which Python cannot look into"
    return ""


def described(spec: str, root: torch.nn.Module) -> list[tuple[str, list[str], str, str]]:
    """Name, further names, type, why it cannot be seen."""
    found = submodules(root)
    if unseen(root) or not found:
        raise Refusal(True, f"the layers of the model {spec} cannot be seen",
                      unseen(root) or "it has no submodules",
                      "save it by torch.jit.save, and give the file" if found else
                      "give a model that is made of modules")
    return [(names[0], names[1:], type_of(module), unseen(module)) for module, names in found]


def first_tensor(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, collections.abc.Mapping):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        for value in output:
            found = first_tensor(value)
            if found is not None:
                return found
    return None


def problem_of(tensor: torch.Tensor) -> str:
    """Why it cannot be handed over; empty if it can. Words as src/model/layer_layout.cpp."""
    if tensor.is_nested:
        return "its output is a nested tensor, whose samples have shapes of their own"
    if tensor.layout != torch.strided:
        return "its output is a sparse tensor"
    if tensor.dtype not in TYPES:
        kind = str(tensor.dtype).removeprefix("torch.")
        return f"its output holds {kind} values, no floating point numbers"
    if tensor.device.type not in ("cpu", "cuda"):
        return f"its output is on {tensor.device}"
    return ""


class Watch:
    """Hooks on some of the submodules. `called(index, capsule or None, problem)` must not raise."""

    def __init__(self, modules: list[tuple[int, torch.nn.Module]],
                 called: Callable[[int, Any, str], None]) -> None:
        self.handles = [module.register_forward_hook(self.hook(index, called))
                        for index, module in modules if not unseen(module)]

    @staticmethod
    def hook(index: int, called: Callable[[int, Any, str], None]) -> Callable[..., None]:
        def tell(_module: Any, _inputs: Any, output: Any) -> None:
            tensor = first_tensor(output)
            problem = "" if tensor is None else problem_of(tensor)
            if tensor is None or problem:
                called(index, None, problem)
            else:
                dense = tensor.detach().resolve_neg().contiguous()
                called(index, dlpack.to_dlpack(dense), "")

        return tell

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def scope(self) -> Any:
        """In which the model is called: compiled code would not come by the hooks."""
        if not self.handles:
            return contextlib.nullcontext()
        return torch.compiler.set_stance("force_eager")
