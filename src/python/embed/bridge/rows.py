"""Where samples come from: a map-style dataset, or an iterable that is read from its start."""

from __future__ import annotations

import inspect
import sys
import time
from typing import Any, Callable, Iterator

from fod_bridge.errors import Refusal, explain, failure, flush


class Rows:
    """Map-style: any range at any time."""

    note = ""

    def __init__(self, spec: str, value: Any) -> None:
        self.spec = spec
        self.value = value

    def __len__(self) -> int:
        return int(len(self.value))

    def approach(self, sample: int, seconds: float) -> bool:
        return True

    def get(self, begin: int, end: int, usage: bool) -> list[Any]:
        samples = []
        for i in range(begin, end):
            try:
                samples.append(self.value[i])
            except BaseException as error:
                raise failure(usage, f"sample {i} of {self.spec} cannot be read", error,
                              "mend the dataset, or leave that sample out") from None
        return samples


class Stream:
    """An iterable of known length. Going back starts it again."""

    note = "each rank reads the iterable from its start"

    def __init__(self, spec: str, value: Any, length: int) -> None:
        self.spec = spec
        self.value = value
        self.length = length
        self.iterator: Iterator[Any] | None = None
        self.at = 0

    def __len__(self) -> int:
        return self.length

    def next(self, usage: bool) -> Any:
        assert self.iterator is not None
        try:
            sample = next(self.iterator)
        except StopIteration:
            # These words are known to users of an older tool.
            raise Refusal(usage, f"generated {self.at} distributions, but dataset length is "
                          f"{self.length}.", f"{self.spec} ended there",
                          "see that it yields as many samples as its length says") from None
        except BaseException as error:
            raise failure(usage, f"sample {self.at} of {self.spec} cannot be read", error,
                          "mend the dataset") from None
        self.at += 1
        return sample

    def approach(self, sample: int, seconds: float) -> bool:
        """Whether it got there in that time."""
        deadline = time.monotonic() + seconds
        self.rewind_for(sample, usage=False)
        while self.at < sample and time.monotonic() < deadline:
            self.next(usage=False)
        return self.at == sample

    def rewind_for(self, begin: int, usage: bool) -> None:
        if self.iterator is None or begin < self.at:
            try:
                iterator = iter(self.value)
            except BaseException as error:
                raise failure(usage, f"cannot iterate over {self.spec}", error,
                              "mend its __iter__") from None
            if iterator is self.value:
                # It would go on where another reader left it, and every id would be off.
                raise Refusal(usage, f"{self.spec} can be read only once",
                              "its __iter__ returns itself, and a job reads from the start again",
                              "return a new iterator each time (write __iter__ with yield)")
            self.iterator = iterator
            self.at = 0

    def get(self, begin: int, end: int, usage: bool) -> list[Any]:
        self.rewind_for(begin, usage)
        while self.at < begin:
            self.next(usage)
        return [self.next(usage) for _ in range(begin, end)]


def is_dataloader(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.utils.data.DataLoader)


def is_iterable_dataset(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.utils.data.IterableDataset)


def refuse_shuffling(spec: str, loader: Any) -> None:
    from torch.utils.data import BatchSampler, SequentialSampler

    batches = loader.batch_sampler
    sampler = loader.sampler if batches is None else getattr(batches, "sampler", batches)
    for found, wanted in ((batches, BatchSampler), (sampler, SequentialSampler)):
        if found is not None and type(found) is not wanted:
            raise Refusal(True, f"the DataLoader {spec} does not go through its dataset in order",
                          f"it has a {type(found).__name__}, and sample ids must be the dataset's "
                          "indices", "make it with shuffle=False and no sampler, or name the "
                          "dataset itself")


def of_loader(spec: str, loader: Any) -> tuple[Any, Callable[[list[Any]], Any] | None]:
    """The dataset of a DataLoader and its collate_fn, None if that is torch's own."""
    from torch.utils.data._utils.collate import default_collate, default_convert

    if not is_iterable_dataset(loader.dataset):
        refuse_shuffling(spec, loader)
    plain = loader.collate_fn in (default_collate, default_convert)
    return loader.dataset, None if plain else loader.collate_fn


def refuse_shuffled_pipeline(spec: str, value: Any) -> None:
    """tf.data: the steps of a pipeline know the one before."""
    step = value
    while step is not None:
        if "Shuffle" in type(step).__name__:
            raise Refusal(True, f"{spec} does not go through its samples in order",
                          "there is a shuffle() in the tf.data pipeline, and sample ids must be "
                          "stable", "leave shuffle() out")
        step = getattr(step, "_input_dataset", None)


def length_of(spec: str, value: Any) -> int:
    """Of an iterable."""
    if callable(getattr(value, "cardinality", None)):
        count = int(value.cardinality())
        if count < 0:
            raise Refusal(True, f"the length of {spec} is not known",
                          "its cardinality is " + ("infinite" if count == -1 else "unknown"),
                          "add .apply(tf.data.experimental.assert_cardinality(N)), or take(N)")
        return count
    try:
        return len(value)
    except (TypeError, NotImplementedError):
        what = "it is a generator" if inspect.isgenerator(value) else \
            f"a {type(value).__name__} has no __len__"
        raise Refusal(True, f"the length of {spec} is not known", what,
                      "name an object with __len__ and __iter__, or with __len__ and __getitem__") \
            from None
    except BaseException as error:
        raise Refusal(True, f"the length of {spec} is not known", explain(error),
                      "mend its __len__") from None


def source_of(spec: str, value: Any) -> Rows | Stream:
    """How the samples of a dataset object are reached."""
    try:
        if isinstance(value, (tuple, dict, str, bytes)):
            raise Refusal(True, f"{spec} is no dataset", f"it is a {type(value).__name__}",
                          "name an object with __len__ and __getitem__ that gives one sample at a "
                          "time, as torch.utils.data.TensorDataset(x, y) does")
        # torch's IterableDataset inherits a __getitem__ that only raises.
        if hasattr(value, "__getitem__") and not is_iterable_dataset(value):
            length_of(spec, value)
            return Rows(spec, value)
        if hasattr(value, "__iter__"):
            refuse_shuffled_pipeline(spec, value)
            return Stream(spec, value, length_of(spec, value))
    finally:
        flush()
    raise Refusal(True, f"{spec} is no dataset", f"it is a {type(value).__name__}",
                  "name an object with __len__ and __getitem__, a DataLoader, or an iterable with "
                  "__len__")
