"""The interpreter's environment: what must hold before anything of the user's is imported."""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
from typing import Any

from fod_bridge.errors import Refusal

INSTALL = ("install that version there, or name the right interpreter: activate its environment or "
           "set FOD_PYTHON_EXECUTABLE")


def torch_mismatch(version: str, library: str) -> tuple[str, str] | None:
    """What is wrong with this interpreter's torch, as problem and reason; it is not imported.

    version, library: of the LibTorch that this process has already loaded.
    """
    for finder in sys.meta_path:
        if isinstance(finder, TorchGuard):
            finder.paused = True
    try:
        spec = importlib.util.find_spec("torch")
    finally:
        for finder in sys.meta_path:
            if isinstance(finder, TorchGuard):
                finder.paused = False
    if spec is None or not spec.submodule_search_locations:
        return (f"the Python interpreter {sys.executable} has no torch",
                f"torch {version} is needed, the one that fod-generate runs with")
    folder = list(spec.submodule_search_locations)[0]
    try:
        found = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        found = "of an unknown version"
    if version and found.partition("+")[0] != version.partition("+")[0]:
        return (f"the Python interpreter {sys.executable} has torch {found}",
                f"in {folder}, but fod-generate is linked with {version}; one process cannot have "
                "both")
    own = os.path.join(folder, "lib", "libtorch_cpu.so")
    if library and not (os.path.exists(own) and os.path.samefile(own, library)):
        return (f"the Python interpreter {sys.executable} has another copy of torch {found}",
                f"{own} is not {library}, which this process has loaded; it cannot have both")
    return None


def require_torch(version: str, library: str) -> None:
    found = torch_mismatch(version, library)
    if found is not None:
        raise Refusal(True, *found, INSTALL)


class TorchGuard(importlib.abc.MetaPathFinder):
    """Lets nobody import a torch that is not the one of this process."""

    def __init__(self, version: str, library: str) -> None:
        self.version = version
        self.library = library
        self.paused = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "torch" and not self.paused:
            found = torch_mismatch(self.version, self.library)
            if found is not None:
                raise ImportError(f"{found[0]} ({found[1]}): {INSTALL}")


# These link HDF5 wherever they are from, and this program has one of its own.
USERS_OF_HDF5 = {"h5py", "tables", "netCDF4"}


def has_own_libraries(path: str) -> bool:
    """True for an extension module of a wheel that brings shared libraries of its own, which are
    beside its package in `NAME.libs`."""
    folder = os.path.dirname(path)
    while os.path.dirname(folder) != folder:
        if os.path.isdir(folder + ".libs"):
            return True
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            return False
        folder = os.path.dirname(folder)
    return False


def prefer_own_libraries() -> None:
    """h5py must find the HDF5 that it was built with, Pillow its libjpeg, although this program has
    others: by default the program's symbols come first."""
    load = importlib.machinery.ExtensionFileLoader.create_module

    def create_module(loader: Any, spec: Any) -> Any:
        flags = sys.getdlopenflags()
        if has_own_libraries(loader.path) or spec.name.partition(".")[0] in USERS_OF_HDF5:
            sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        try:
            return load(loader, spec)
        finally:
            sys.setdlopenflags(flags)

    initialize = ctypes.CDLL.__init__

    def initialize_library(library: Any, name: Any, mode: int = ctypes.DEFAULT_MODE,
                           *args: Any, **kwargs: Any) -> None:
        own = isinstance(name, str) and has_own_libraries(name)
        initialize(library, name, mode | (os.RTLD_DEEPBIND if own else 0), *args, **kwargs)

    importlib.machinery.ExtensionFileLoader.create_module = create_module  # type: ignore
    ctypes.CDLL.__init__ = initialize_library  # type: ignore  # how torchvision loads its own


def prepare(version: str, library: str) -> None:
    """Search path as `python script.py` in the working folder has it; a guard on torch."""
    prefer_own_libraries()
    folder = os.getcwd()
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)
    if version:
        sys.meta_path.insert(0, TorchGuard(version, library))
