"""The dashboard: one file that needs nothing else, neither a server nor a network."""

from __future__ import annotations

import base64
import html
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from .problem import Problem

WEB = Path(__file__).with_name("web")
SCRIPTS = ("data.js", "charts.js", "overview.js", "layers.js", "groups.js", "table.js", "main.js")


def packed(values: np.ndarray, kind: str) -> dict[str, Any]:
    """Numbers as base64 of little-endian bytes: small, and exact."""
    raw = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<")).tobytes()
    return {"type": kind, "shape": list(np.shape(values)),
            "bytes": base64.b64encode(raw).decode("ascii")}


def plain(value: Any) -> Any:
    """What JSON can say; null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def plotly() -> str:
    """The library's own bundle, from its wheel."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise Problem("the dashboard cannot be made", str(error),
                      "install what tools/setup.sh installs: pip install plotly") from None
    return get_plotlyjs()


def page(title: str, payload: dict[str, Any]) -> str:
    """The whole document. Its policy forbids every request, whatever a script tries."""
    data = json.dumps(plain(payload), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in (("<", "\\u003c"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        data = data.replace(character, escape)
    parts = {
        "TITLE": html.escape(title),
        "STYLE": (WEB / "page.css").read_text(encoding="utf-8"),
        "PLOTLY": plotly().replace("</script", "<\\/script"),
        "DATA": data,
        "SCRIPT": "\n".join((WEB / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    pieces = (WEB / "page.html").read_text(encoding="utf-8").split("@@")
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))
