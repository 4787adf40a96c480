"""A result file, opened with care: it may be partial, damaged, or a stranger's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .problem import Problem, damaged

SLICE_BYTES = 64 << 20  # read at a time
DEFLATED = 1032  # bytes that deflate makes of one, at most
UNWRITTEN = 64 << 20  # bytes that chunks may lack


class Result:
    """An open result file. Rows are read in slices, so that memory does not grow with them."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.file = _open(path)
        self._check_kind()
        self.ids = self.rows_of("sample_ids", ndim=1)
        self.size = int(self.ids.shape[0])
        self.classes = self._classes()
        self.meta = self._meta()
        self.metrics = self._attributes("metrics")
        self.provenance = self._attributes("provenance")

    def _check_kind(self) -> None:
        attributes = self.file.attrs
        if _text(attributes.get("format", "")) != "fod result":
            raise _no_result(self.path, "HDF5, but of another program")
        if int(attributes.get("schema", 0)) != 1:
            raise Problem(f"{self.path} is of schema {attributes.get('schema')}",
                          "this report knows schema 1", "use the report of the fod that wrote it")
        if int(attributes.get("complete", 0)) != 1:
            raise Problem(f"{self.path} is not complete", "its job was ended, or still runs",
                          "finish it with fod-generate's --resume, then report")

    def _classes(self) -> int:
        """K; 0 where there are no distributions."""
        if not self.has("distributions"):
            return 0
        found = self.rows_of("distributions", ndim=2)
        if found.shape[0] != self.size:
            raise damaged(self.path, f"/distributions has {found.shape[0]} rows, /sample_ids "
                          f"{self.size}")
        return int(found.shape[1])

    def _meta(self) -> dict[str, Any]:
        if not self.has("meta"):
            return {}
        try:
            meta = json.loads(self.dataset("meta")[()])
        except (ValueError, TypeError) as error:
            raise damaged(self.path, f"/meta is no JSON: {error}") from None
        return meta if isinstance(meta, dict) else {}

    def _attributes(self, name: str) -> dict[str, Any]:
        if not self.has(name):
            return {}
        return {key: _text(value) if isinstance(value, (str, bytes)) else value
                for key, value in self.file[name].attrs.items()}

    def has(self, path: str) -> bool:
        """@throws Problem if it lies in another file"""
        where = ""
        for part in path.strip("/").split("/"):
            where = f"{where}/{part}"
            if isinstance(self.file.get(where, getlink=True), h5py.ExternalLink):
                raise damaged(self.path, f"{where} leads into another file")
        return path in self.file

    def dataset(self, path: str) -> h5py.Dataset:
        """@throws Problem if it is missing, lacks its bytes, or lies in another file."""
        found = self.file.get(path) if self.has(path) else None
        if not isinstance(found, h5py.Dataset):
            raise damaged(self.path, f"/{path} is missing")
        if found.external or found.is_virtual:
            raise damaged(self.path, f"/{path} lies in another file")
        stored = found.id.get_storage_size()
        room = stored if found.chunks is None else stored * DEFLATED + UNWRITTEN
        if found.shape and found.dtype.kind != "O" and room < found.nbytes:
            raise damaged(self.path, f"/{path} lacks its bytes")
        return found

    def rows_of(self, path: str, ndim: int, count: int | None = None) -> h5py.Dataset:
        """A dataset of so many extents, the first of `count`."""
        found = self.dataset(path)
        if found.ndim != ndim or (count is not None and found.shape[0] != count):
            raise damaged(self.path, f"/{path} has shape {found.shape}")
        return found

    def column(self, path: str) -> np.ndarray | None:
        """Values of all samples, or None if the file has none."""
        return self.rows_of(path, 1, self.size)[()] if self.has(path) else None

    def texts(self, path: str) -> list[str]:
        return [_text(value) for value in self.dataset(path)[()]] if self.has(path) else []


def slices(dataset: h5py.Dataset) -> list[slice]:
    """Runs of rows of at most SLICE_BYTES."""
    width = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
    step = max(1, SLICE_BYTES // width)
    return [slice(begin, min(begin + step, dataset.shape[0]))
            for begin in range(0, dataset.shape[0], step)]


def rows_at(dataset: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """The rows of ascending indices; neighbours are read together."""
    out = np.empty((len(rows), *dataset.shape[1:]), dataset.dtype)
    width = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
    near, most = max(1, 4096 // width), max(1, SLICE_BYTES // width)
    begin = 0
    while begin < len(rows):
        end = begin + 1
        while (end < len(rows) and rows[end] - rows[end - 1] <= near
               and rows[end] - rows[begin] < most):
            end += 1
        first = int(rows[begin])
        out[begin:end] = dataset[first:int(rows[end - 1]) + 1][rows[begin:end] - first]
        begin = end
    return out


def _open(path: Path) -> h5py.File:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise Problem(f"{path} cannot be read", os.strerror(error.errno or 0),
                      "name a result file of fod-generate or fod import") from None
    try:
        return h5py.File(path, "r")
    except OSError as error:
        why = "no HDF5" if not h5py.is_hdf5(path) else " ".join(str(error).split())
        raise _no_result(path, why) from None


def _no_result(path: object, why: str) -> Problem:
    return Problem(f"{path} is no result file", why,
                   "name a file that fod-generate, fod merge or fod import wrote")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
