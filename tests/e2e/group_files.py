"""Result files with groups of neurons, written by h5py after the schema in the headers
layer_groups.hpp and event_file.hpp: what `fod groups` and `fod compare` read, without a job."""

import h5py
import numpy as np

from program import dumps, fod

FIGURES = ("cohesion", "cohesion_signed", "stability", "mean_activation", "variance_explained",
           "corr_entropy", "corr_confidence", "corr_error")


def result_file(path):
    """A result file without groups."""
    source = path.with_suffix(".json")
    source.write_bytes(dumps({"meta": {}, "distributions": {str(i): [0.5, 0.5] for i in range(4)}}))
    assert fod("import", source, path).returncode == 0
    return path


def add_layer(path, name, groups, neurons, index=0, first_id=0, dead=(), seed=0, **attributes):
    """Adds a layer; its figures are random numbers, which are returned by name."""
    random = np.random.default_rng(seed)
    members = np.concatenate([np.asarray(g, np.int64) for g in groups] or [np.zeros(0, np.int64)])
    count = len(groups)
    values = {
        "members": members,
        "offsets": np.cumsum([0] + [len(g) for g in groups]),
        "group_id": first_id + np.arange(count),
        "size": np.array([len(g) for g in groups], np.int64),
        "loadings": random.normal(size=len(members)),
        "class_mean": random.normal(size=(count, 3)),
        "ungrouped": np.setdiff1d(np.arange(neurons), np.concatenate([members, list(dead)])),
        "dead": np.array(dead, np.int64),
        "neuron_mean": random.normal(size=neurons),
        "neuron_std": random.random(neurons),
    } | {figure: random.random(count) for figure in FIGURES}
    values["corr_error"][:] = np.nan  # without labels
    texts = h5py.string_dtype()
    with h5py.File(path, "r+") as file:
        group = file.create_group(f"groups/{name}")
        for key, value in values.items():
            kind = np.float64 if value.dtype.kind == "f" else np.int64
            group.create_dataset(key, data=value.astype(kind))
        skills = [f"skill{g % 2}" for g in range(count)]
        group.create_dataset("skill_category", data=skills, dtype=texts, shape=(count,))
        group.create_dataset("learning_phase", data=[""] * count, dtype=texts, shape=(count,))
        settings = {"index": index, "type": "Linear", "pooling": "", "by": "prediction",
                    "method": "correlation_clustering", "threshold": 0.6, "chance_bound": 0.125,
                    "stability": 0.875, "samples": 5000} | attributes
        for key, value in settings.items():
            group.attrs[key] = value
    return values | {"attributes": settings, "skill_category": skills}


def add_events(path, layers, categories, samples=(0, 100), seed=0):
    """Adds /events for layers given as {name: number of groups}, with random counts."""
    random = np.random.default_rng(seed)
    slots = len(categories) + 1
    count, total = len(layers), sum(layers.values())

    def numbers(*shape):
        return random.integers(0, 50, shape)
    layer = {"events": numbers(count), "samples": numbers(count) + 100,
             "mean_strength": random.random(count), "mean_loss": random.random(count),
             "corr_loss": random.random(count), "by_category": numbers(count, slots),
             "by_span": numbers(count, 10), "category_samples": numbers(count, slots) + 1,
             "category_by_span": numbers(count, slots * 10)}
    group = {"group_id": np.arange(total),
             "layer": np.repeat(np.arange(count), list(layers.values())),
             "events": numbers(total), "mean_strength": random.random(total),
             "loss_active": random.random(total), "loss_inactive": np.full(total, np.nan),
             "corr_loss": random.random(total), "by_category": numbers(total, slots),
             "by_span": numbers(total, 10)}
    with h5py.File(path, "r+") as file:
        events = file.create_group("events")
        events.create_dataset("layers", data=list(layers), dtype=h5py.string_dtype())
        events.create_dataset("categories", data=categories, dtype=h5py.string_dtype())
        events.attrs["total"], events.attrs["kept"] = 12345, 1000
        for where, values in (("layer", layer), ("group", group)):
            for key, value in values.items():
                events.create_dataset(f"summary/{where}/{key}", data=value)
        summary = events["summary"]
        summary.attrs["sample_begin"], summary.attrs["sample_end"] = samples
        summary.attrs["spans"], summary.attrs["keep"] = 10, 1000000
    return {"layer": layer, "group": group}
