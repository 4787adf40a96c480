"""What the dashboard is given: figures, charts and the table, as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .calibration import Reliability
from .choose import Chosen
from .drivers import Activity, Drivers
from .embedding import Embedding
from .events import Events
from .fig_layers import describe
from .fig_samples import entropy_bins
from .layers import FIGURES, Group, Layer
from .matrix import Matrix, centers, reduced
from .page import packed
from .read import Result, rows_at
from .samples import Samples

TOP_CLASSES = 5
TOP_GROUPS = 4
MOST_NEURONS = 64  # whose indices are listed per group


def layer_data(layer: Layer, matrix: Matrix | None, embedding: Embedding | None, events: Events |
               None, numbers: list[int], cells: int, short: str) -> dict[str, Any]:
    """`numbers`: the places of its groups in the dashboard's list, by their place in the layer."""
    told: dict[str, Any] = {
        "name": layer.name, "short": short, "slug": layer.slug, "neurons": layer.neurons, "told": describe(layer),
        "type": str(layer.attributes.get("type", "")), "method": layer.method,
        "stability": layer.stability, "ungrouped": len(layer.ungrouped), "dead": len(layer.dead),
        "found": len(layer.groups), "groups": numbers, "heat": None, "points": None, "events": None}
    if matrix is not None:
        small = reduced(matrix, cells)
        size = len(matrix.group)
        levels = np.where(np.isfinite(small.values), np.rint(small.values * 127), -128)
        told["heat"] = {
            "values": packed(levels, "int8"), "note": matrix.origin, "neurons": size,
            "names": matrix.neurons.tolist() if len(small.values) == size else None,
            "blocks": [[place, begin / size, end / size] for place, begin, end in matrix.blocks
                       if place < len(numbers)]}
    if embedding is not None:
        told["points"] = {
            "neurons": packed(embedding.neurons, "int32"), "group": packed(embedding.group, "int32"),
            "pca": packed(embedding.pca, "float32"), "explained": embedding.explained,
            "tsne": None if embedding.tsne is None else packed(embedding.tsne, "float32"),
            "alive": layer.neurons - len(layer.dead)}
    if events is not None:
        for one in events.layers:
            if one.name == layer.name:
                told["events"] = {"events": one.events, "categories": one.by_category,
                                  "samples": one.category_samples, "spans": one.by_span,
                                  "strength": one.mean_strength, "loss": one.mean_loss}
    return told


def group_data(group: Group, layer: int, activity: Activity | None, drivers: Drivers | None,
               place_of: np.ndarray, events: Events | None) -> dict[str, Any]:
    """`place_of`: where a row of the file is in the table."""
    told: dict[str, Any] = {
        "id": group.id, "layer": layer, "place": group.column, "size": group.size,
        "skill": group.skill, **{name: group.figures[name] for name in FIGURES},
        "neurons": group.members[:MOST_NEURONS], "loadings": None if group.loadings is None else
        group.loadings[:MOST_NEURONS], "classes": group.class_mean, "activity": None,
        "drivers": None, "events": None}
    if activity is not None:
        told["activity"] = {"entropy": activity.entropy[group.column], "samples": activity.samples}
    if drivers is not None:
        told["drivers"] = {"rows": place_of[drivers.rows], "values": drivers.values,
                           "by": drivers.by}
    if events is not None and group.id in events.groups:
        one = events.groups[group.id]
        told["events"] = {"events": one.events, "categories": one.by_category, "spans": one.by_span,
                          "strength": one.mean_strength, "corr_loss": one.corr_loss,
                          "active": one.loss_active, "inactive": one.loss_inactive}
    return told


def sample_data(result: Result, samples: Samples, chosen: Chosen, layers: list[tuple[Layer, list[
                int]]]) -> dict[str, Any]:
    """The table: columns of the chosen rows. `layers`: with the numbers of their groups."""
    rows = chosen.rows
    columns = {"id": packed(samples.ids[rows], "float64")}
    for name, values, kind in (("label", samples.label, "int32"),
                               ("prediction", samples.prediction, "int32"),
                               ("confidence", samples.confidence, "float32"),
                               ("entropy", samples.entropy, "float32"),
                               ("epistemic", samples.more.get("epistemic"), "float32"),
                               ("aleatoric", samples.more.get("aleatoric"), "float32"),
                               ("disagreement", samples.more.get("disagreement"), "float32")):
        if values is not None:
            columns[name] = packed(values[rows], kind)
    told: dict[str, Any] = {"rows": len(rows), "total": result.size, "note": chosen.note,
                            "columns": columns, "top": None, "active": None}
    if result.classes:
        classes, p = _top_classes(result, rows)
        told["top"] = {"classes": packed(classes, "int32"), "p": packed(p, "float32")}
    numbers, values = _top_groups(result, rows, layers)
    if numbers.shape[1]:
        told["active"] = {"groups": packed(numbers, "int32"), "values": packed(values, "float32")}
    return told


def _top_classes(result: Result, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m, 5): the classes of largest probability, the largest first, ties by class."""
    stored = result.dataset("distributions")
    count = min(TOP_CLASSES, result.classes)
    classes = np.empty((len(rows), count), np.int32)
    p = np.empty((len(rows), count), np.float32)
    step = max(1, (8 << 20) // result.classes)
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        values = rows_at(stored, rows[part])
        order = np.argsort(-np.nan_to_num(values, nan=-1), axis=1, kind="stable")[:, :count]
        classes[part] = order
        p[part] = np.take_along_axis(values, order, 1)
    return classes, p


def _top_groups(result: Result, rows: np.ndarray, layers: list[tuple[Layer, list[int]]]
                ) -> tuple[np.ndarray, np.ndarray]:
    """(m, up to 4): the groups of largest |activity| in each sample, of all layers."""
    best = np.empty((len(rows), 0), np.int32)
    size = np.empty((len(rows), 0), np.float32)
    for layer, numbers in layers:
        if not numbers or not result.has(f"{layer.path}/group_center"):
            continue
        values = rows_at(centers(result, layer), rows)[:, :len(numbers)]
        groups = np.broadcast_to(np.array(numbers, np.int32), values.shape)
        size, best = np.concatenate([size, values], 1), np.concatenate([best, groups], 1)
        order = np.argsort(-np.nan_to_num(np.abs(size), nan=-1), axis=1, kind="stable")
        size, best = (np.take_along_axis(one, order[:, :TOP_GROUPS], 1) for one in (size, best))
    return best, size


def reliability_data(bins: Reliability | None) -> dict[str, Any] | None:
    return None if bins is None else {
        "edges": bins.edges, "count": bins.count, "confidence": bins.confidence,
        "accuracy": bins.accuracy, "ece": bins.ece}


def entropy_data(samples: Samples, classes: int) -> dict[str, Any] | None:
    """Counts per bin of entropy: of right and wrong predictions where labels say so, else of all."""
    if samples.entropy is None or not samples.good.any():
        return None
    edges = entropy_bins(samples.entropy[samples.good], classes)
    parts = {"all": samples.good}
    if samples.correct is not None and samples.judged.any():
        parts = {"right": samples.judged & samples.correct,
                 "wrong": samples.judged & ~samples.correct}
    return {"edges": edges, "counts": {
        name: np.histogram(samples.entropy[which].astype(np.float64), edges)[0]
        for name, which in parts.items()}}


def sprite(tiles: list[np.ndarray], rows: list[int], side: int) -> dict[str, Any]:
    """All small pictures in one, of equal squares, and the table's row of each."""
    import base64
    import io

    from PIL import Image

    columns = min(32, max(1, len(tiles)))
    sheet = np.full((-(-len(tiles) // columns) * side, columns * side, 3), 128, np.uint8)
    for place, tile in enumerate(tiles):
        y, x = divmod(place, columns)
        sheet[y * side:(y + 1) * side, x * side:(x + 1) * side] = tile
    buffer = io.BytesIO()
    large = side > 32
    if large:
        Image.fromarray(sheet).save(buffer, "JPEG", quality=85)
    else:
        Image.fromarray(sheet).save(buffer, "PNG", optimize=True)
    kind = "jpeg" if large else "png"
    return {"side": side, "columns": columns, "count": len(tiles), "rows": rows,
            "source": f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"}
