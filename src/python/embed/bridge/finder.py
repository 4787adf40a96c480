"""Makes the other files of this folder importable, from the texts that the library carries."""

import importlib.abc
import importlib.machinery
import linecache
import sys


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        if name == "fod_bridge":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return importlib.machinery.ModuleSpec(name, self) if name in self.sources else None

    def exec_module(self, module):
        name = "<fod " + module.__name__ + ">"
        text = self.sources.get(module.__name__, "")
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        exec(compile(text, name, "exec"), module.__dict__)


def install(sources):
    sys.meta_path.insert(0, Finder(sources))
