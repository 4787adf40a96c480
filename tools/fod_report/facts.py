"""What a report says of its file in a few figures, and what the file lacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .calibration import Reliability
from .events import Events
from .layers import Layer
from .read import Result
from .samples import Samples


def figures(result: Result, samples: Samples, bins: Reliability | None, layers: list[Layer],
            events: Events | None) -> list[tuple[str, str, str]]:
    """(name, value, explanation)."""
    found = [("samples", f"{result.size:,}", _left_out(samples)),
             ("classes", f"{result.classes:,}" if result.classes else "–",
              "" if result.classes else "no distributions in the file")]
    if samples.correct is not None and samples.judged.any():
        right = samples.correct[samples.judged]
        found.append(("accuracy", f"{right.mean():.2%}",
                      f"{int((~right).sum()):,} of {len(right):,} wrong"))
    if bins is not None:
        found.append(("ECE", f"{bins.ece:.4f}", f"calibration error, {len(bins.count)} bins"))
    if samples.entropy is not None and samples.good.any():
        mean = samples.entropy[samples.good].mean(dtype=np.float64)
        most = f"nats, at most ln {result.classes} = {np.log(result.classes):.3f}"
        found.append(("mean entropy", f"{mean:.4f}", most if result.classes > 1 else "nats"))
    if "epistemic" in samples.more and samples.good.any():
        mean = samples.more["epistemic"][samples.good].mean(dtype=np.float64)
        found.append(("mean epistemic", f"{mean:.4f}", "nats, what the members disagree on"))
    found.append(("layers", f"{len(layers):,}", f"{sum(one.neurons for one in layers):,} neurons"
                  if layers else "none was looked at"))
    if layers:
        grouped = sum(len(np.unique(group.members)) for layer in layers for group in layer.groups)
        found.append(("groups", f"{sum(len(layer.groups) for layer in layers):,}",
                      f"of {grouped:,} neurons"))
    if events:
        found.append(("events", f"{events.total:,}", f"mean strength {events.mean_strength:.2f}"
                      if events.total else "no group was active"))
    return found


def _left_out(samples: Samples) -> str:
    bad = int((~samples.good).sum())
    return f"{bad:,} without a distribution are in no figure" if bad else ""


def missing(result: Result, samples: Samples, layers: list[Layer], events: Events | None,
            pictures: str) -> list[dict[str, str]]:
    """What is not in the file, and how to have it; `pictures`: why there are no images."""
    notes: list[dict[str, Any]] = []

    def note(what: str, how: str) -> None:
        notes.append({"what": what, "how": how})

    if not result.size:
        note("There are no samples.", "The job ran over a dataset of none.")
    if not result.classes and result.size:
        note("There are no class distributions.", "Run fod-generate without --no-distributions.")
    if samples.label is None and result.size:
        note("There are no labels, so neither accuracy nor calibration.",
             "Give fod-generate --labels.")
    if samples.recomputed:
        note("There is no /uncertainty.", "Entropy and confidence were computed from the rows.")
    if "epistemic" not in samples.more and result.classes:
        note("There is one model, so no epistemic uncertainty.",
             "Repeat --model, or give --mc-dropout M.")
    if "shard" in result.file.attrs:
        note("This is one shard of a result.", "Join the shards with fod merge, then report.")
    if not layers:
        note("There are no groups of neurons.",
             "Give fod-generate --layers (and --list-layers to see their names).")
    empty = [layer.name for layer in layers if not layer.groups]
    if empty:
        note(f"No group was found in {_listed(empty)}.",
             "Lower --correlation-threshold, or try --group-method hierarchical.")
    bare = [layer.name for layer in layers if not result.has(f"{layer.path}/correlation")]
    if bare:
        note(f"The correlations of {_listed(bare)} were not kept.",
             "Give fod-generate --keep-correlation.")
    if layers and not all(result.has(f"{layer.path}/group_center") for layer in layers
                          if layer.groups):
        note("The groups' activity in each sample was not kept.",
             "Give fod-generate --group-patterns.")
    if layers and events is None:
        note("There are no learning events.",
             "Give fod-generate --categories, --texts or --loss.")
    if pictures:
        note("There are no pictures of samples.", pictures)
    return notes


def _listed(names: list[str], most: int = 6) -> str:
    if len(names) == 1:
        return f"layer {names[0]}"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} layers ({', '.join(names[:most])}{more})"
