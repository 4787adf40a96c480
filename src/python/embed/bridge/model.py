"""A model: an nn.Module, or any other callable on a batch of torch tensors."""

from __future__ import annotations

import inspect
from typing import Any, Callable

import torch
from torch.utils import dlpack

from fod_bridge import loading, output, taps
from fod_bridge.errors import Refusal, failure, flush


def resolve(spec: str) -> Any:
    """The nn.Module or callable that the spec stands for; a factory is called once."""
    value = loading.find(spec)
    if isinstance(value, torch.nn.Module):
        return value
    made = loading.is_factory(value)
    if made:
        value = loading.make(spec, value)
    elif inspect.isclass(value):
        needed = [p.name for p in loading.parameters_of(value) or [] if loading.is_required(p)]
        raise Refusal(True, f"{spec} is a class that cannot be made without arguments",
                      "it needs " + ", ".join(needed),
                      "write a function without parameters that returns the model")
    if not callable(value) or inspect.isclass(value):
        what = f"it {'returned' if made else 'is'} a {type(value).__name__}"
        raise Refusal(True, f"{spec} is no model", what,
                      "name an nn.Module, a callable that takes a batch, or a function without "
                      "parameters that returns one")
    return value


class Model:
    def __init__(self, spec: str, device: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.spec = spec
        self.value = resolve(spec)
        self.is_module = isinstance(self.value, torch.nn.Module)
        self.kind = "nn.Module" if self.is_module else "callable"
        if self.is_module:
            try:
                self.value = self.value.eval().to("cpu" if device == "tpu" else device)
            except BaseException as error:
                raise failure(True, f"cannot move the model {spec} to {device}", error,
                              "use another --device") from None
        self.layers = taps.submodules(self.value) if self.is_module else []
        self.watching = taps.Watch([], lambda *_: None)
        self.arity = loading.arity_of(
            spec, self.value.forward if self.is_module else self.value)

    def call(self, inputs: list[Any], key: str | None) -> Any:
        """Capsules of DLPack in, one out; none if there is no key, not even an empty one."""
        tensors = [dlpack.from_dlpack(capsule) for capsule in inputs]
        try:
            with torch.inference_mode(), self.watching.scope():
                returned = self.value(*tensors)
        except BaseException as error:
            raise failure(False, "the model raised an exception", error,
                          "see that it takes every sample") from None
        finally:
            flush()
        if key is None:
            return None
        with torch.inference_mode():
            return dlpack.to_dlpack(output.select(returned, key))

    def parameters(self, buffers: bool) -> list[tuple[str, Any]]:
        if not self.is_module:
            return []
        named = list(self.value.named_parameters())
        named += list(self.value.named_buffers()) if buffers else []
        return [(name, dlpack.to_dlpack(tensor.detach().contiguous())) for name, tensor in named
                if tensor.layout == torch.strided and tensor.device.type in ("cpu", "cuda")
                and not tensor.is_quantized and not tensor.is_complex()
                and not isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin)]

    def submodules(self) -> list[tuple[str, list[str], str, str]]:
        return taps.described(self.spec, self.value) if self.is_module else []

    def watch(self, wanted: list[int], called: Callable[[int, Any, str], None]) -> None:
        self.watching.remove()
        self.watching = taps.Watch([(index, self.layers[index][0]) for index in wanted], called)

    def enable_dropout(self) -> int:
        """Dropout layers alone, so that batch normalisation stays as it was trained."""
        count = 0
        for module in self.value.modules() if self.is_module else []:
            scripted = isinstance(module, torch.jit.ScriptModule)
            if isinstance(module, torch.nn.modules.dropout._DropoutNd) or (
                    scripted and "Dropout" in module.original_name):
                module.train()
                count += 1
        return count
