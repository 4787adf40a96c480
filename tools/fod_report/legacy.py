"""The two reports of the older tool, with its keys."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import numpy as np

from .events import Events
from .layers import Layer
from .read import Result


def timestamp() -> str:
    """Now, or SOURCE_DATE_EPOCH where that is set (then the same input gives the same bytes)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = time.gmtime(int(epoch)) if epoch.isdigit() else time.gmtime()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)


def device_of(result: Result) -> str:
    devices = sorted(set(result.texts("provenance/devices")))
    return ", ".join(devices) if devices else str(result.provenance.get("device", "unknown"))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def report(result: Result, layers: list[Layer], events: Events | None) -> dict[str, Any]:
    framework = str(result.provenance.get("framework", ""))
    torch = framework.partition("pytorch ")[2] or str(result.meta.get("torch_version", "unknown"))
    return {
        "pytorch_analysis": {
            "device": device_of(result),
            "torch_version": torch,
            "total_layers": len(layers),
            "analysis_timestamp": timestamp(),
        },
        "layer_analysis": {layer.name: {
            "groups_found": len(layer.groups),
            "activation_shape": [layer.samples, layer.neurons],
            "groups_detail": [{
                "group_id": group.id,
                "size": group.size,
                "cohesion": _number(group.figures["cohesion"]),
                "mean_activation": _number(group.figures["mean_activation"]),
                "neuron_indices": group.members.tolist(),
            } for group in layer.groups],
        } for layer in layers},
        "learning_patterns": {
            "total_events": events.total if events else 0,
            "skill_distribution": events.by_category if events else {},
            "average_strength": (_number(events.mean_strength) or 0.0) if events else 0.0,
        },
    }


def as_json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def as_text(told: dict[str, Any]) -> str:
    head, patterns = told["pytorch_analysis"], told["learning_patterns"]
    lines = ["Neuron groups", "=" * 13, "",
             f"device:              {head['device']}",
             f"torch version:       {head['torch_version']}",
             f"layers:              {head['total_layers']}",
             f"time of this report: {head['analysis_timestamp']}"]
    for name, layer in told["layer_analysis"].items():
        samples, neurons = layer["activation_shape"]
        lines += ["", name, "-" * len(name),
                  f"{samples:,} samples x {neurons:,} neurons, groups found: "
                  f"{layer['groups_found']}"]
        for group in layer["groups_detail"]:
            shown = " ".join(map(str, group["neuron_indices"][:16]))
            more = group["size"] - 16
            lines.append(f"  group {group['group_id']}: {group['size']} neurons, cohesion "
                         f"{_figure(group['cohesion'])}, mean activation "
                         f"{_figure(group['mean_activation'])}")
            lines.append(f"    neurons {shown}{f' and {more} more' if more > 0 else ''}")
    lines += ["", "Learning patterns", "-" * 17, f"events:              {patterns['total_events']:,}"]
    if patterns["total_events"]:
        lines.append(f"average strength:    {patterns['average_strength']:.4f}")
        lines += [f"  {name}: {count:,}" for name, count in patterns["skill_distribution"].items()]
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
