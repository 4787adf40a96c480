"""A callable on class distributions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from fod_bridge import loading
from fod_bridge.errors import Refusal, failure, flush


class Transform:
    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.value = loading.find(spec)
        if loading.is_factory(self.value) or inspect.isclass(self.value):
            self.value = loading.make(spec, self.value)
        if not callable(self.value):
            raise Refusal(True, f"{spec} is no transform", f"it is a {type(self.value).__name__}",
                          "name a callable on an array (n, K)")
        least, most, names = loading.arity_of(spec, self.value)
        if least > 1 or most == 0:
            raise Refusal(True, f"{spec} is no transform",
                          f"it takes {least} arguments ({names})" if least else "it takes none",
                          "write it with one parameter, the rows (n, K)")

    def apply(self, memory: memoryview, count: int, classes: int) -> None:
        """Changes the rows in place."""
        rows = np.frombuffer(memory, dtype=np.float32).reshape(count, classes)
        try:
            changed = self.value(rows)
            if changed is None:
                return
            if hasattr(changed, "detach"):
                changed = changed.detach().cpu()
            changed = np.asarray(changed)
        except BaseException as error:
            raise failure(False, f"the transform {self.spec} raised an exception", error,
                          "see that it takes every row") from None
        finally:
            flush()
        if changed.shape != rows.shape or changed.dtype.kind not in "fiu":
            raise Refusal(False, f"the transform {self.spec} returned shape {changed.shape} "
                          f"of {changed.dtype}", f"it got {rows.shape} of float32",
                          "return one row of class probabilities per row")
        rows[...] = changed
