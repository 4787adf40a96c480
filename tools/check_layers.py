#!/usr/bin/env python3
"""Fails on what the architecture forbids: an include that points upward, a foreign header out of
its place, preprocessor conditions and macros of ours, a file that has grown too long.

    check_layers.py [FOLDER]      checks the tree (default: the one that this file is in)
    check_layers.py --self-test   proves that one violation of each kind is reported
"""

from __future__ import annotations

import argparse
import posixpath
import re
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple

BASE = {"error", "shard", "records"}  # plain host data, known to all
# What each module may include. A module always knows itself.
KNOWS: dict[str, set[str]] = {
    "error": set(),
    "shard": set(),
    "records": {"error", "shard"},
    "device": BASE,
    "comm": {"error"},
    "nccl": {"error", "comm", "device"},
    "h5": BASE,
    "python": BASE,
    "plugin": BASE,
    "dataset": BASE | {"h5", "python"},
    "model": BASE | {"config", "device", "python", "plugin"},
    "moments": BASE | {"comm"},
    "groups": BASE | {"moments"},
    "events": BASE | {"comm"},
    "config": BASE | {"groups"},
    "workers": set(),
    "patterns": BASE | {"workers"},
    "ensemble": set(),
    "kernels": BASE | {"device", "moments", "groups", "comm", "nccl", "workers", "patterns",
                       "ensemble"},
    "store": BASE | {"comm", "h5", "moments", "events"},
    "json": BASE | {"h5", "store", "events"},
    "metrics": BASE | {"h5", "python", "dataset", "store", "json", "workers"},
    "analysis": BASE | {"moments", "groups", "h5", "store", "config", "metrics"},
    "activity": BASE | {"comm", "config", "dataset", "h5", "store", "events", "json", "patterns"},
}
# What joins files without a model.
KNOWS["merge"] = set(KNOWS) - {"device", "nccl", "python", "plugin", "model", "kernels"}
KNOWS["pipeline"] = set(KNOWS)
KNOWS["api"] = set(KNOWS)  # what programs of users call
KNOWS["apps"] = set(KNOWS)
# Public headers whose module has another name.
MODULE_OF = {
    "version": "error",
    "text": "error",
    "utf8": "error",
    "stop": "error",
    "alive": "error",
    "large_bytes": "error",
    "monitor": "comm",
    "transform": "records",
    "epilogue": "kernels",
    "plugin_abi": "plugin",
    "checksum": "records",
    "sha256": "records",
    "image": "records",
    "activations": "records",
    "pool": "kernels",
    "group_patterns": "kernels",
    "group_activity": "activity",
    "event_recorder": "activity",
    "progress": "error",
    "group_settings": "analysis",
    "layer_report": "analysis",
    "moment_accumulator": "kernels",
    "group_engine": "kernels",
    "layers": "model",
    "group_evidence": "groups",
    "group_options": "groups",
    "convert": "json",
    "layer_groups": "store",
    "event_file": "store",
    "skill_rules": "events",
    "rules_file": "json",
    "sample_columns": "dataset",
    "elements": "dataset",
    "json_scanner": "json",
    "output_file": "json",
    "output_claim": "store",
    "saved_sums": "store",
    "settings": "store",
    "checked_rows": "store",
    "ensemble_files": "merge",
    "totals": "analysis",
    "totals_by_parts": "analysis",
    "scores": "metrics",
    "read_ahead": "workers",
    "backlog": "workers",
    "callable": "model",
    "distributions": "api",
    "result": "api",
    "generator": "api",
    "callable_module": "api",
    "tensor_source": "api",
    "first_order_dataset": "api",
    "neuron_groups": "api",
}
# Foreign headers: the first pattern that fits names the modules where they may be included.
CUDA = {"device", "kernels", "nccl", "model"}
FOREIGN: list[tuple[str, set[str]]] = [
    (r"mpi\.h|mpi-ext\.h", {"comm", "h5", "store"}),
    (r"nccl\.h", {"nccl"}),
    (r"hdf5(_hl)?\.h|H5\w*\.h", {"h5"}),
    (r"CLI/.*|CLI11\.hpp", {"config", "apps"}),
    (r"ATen/dlpack\.h", {"python", "model"}),  # DLPack's own header, in Torch's folder
    (r"(torch|c10|ATen|caffe2)/.*", {"model", "api"}),
    (r"cu(da|blas|rand|solver|sparse|fft|pti)\w*\.(h|hpp)|cooperative_groups\.h|nvml\.h"
     r"|(cub|cuda|thrust|nvtx3)/.*", CUDA),
    (r"nlohmann/.*", {"json", "store", "config", "model", "merge", "pipeline", "apps"}),
    (r"zlib\.h", {"dataset", "model"}),
    (r"jpeglib\.h|jerror\.h|png\.h", {"dataset"}),
    (r"xxhash\.h|openssl/evp\.h", {"records"}),
    (r"pybind11/.*|Python\.h|patchlevel\.h|numpy/.*|dlpack/.*", {"python", "model"}),
    (r"std(def|int)\.h", {"plugin"}),  # its C header
    (r"malloc\.h", {"apps"}),  # glibc's settings are the whole process's
    (r"immintrin\.h", {"ensemble"}),  # where the compiler has no words for an instruction
    (r"\w+", set(KNOWS)),  # the standard library
    (r"(sys|netinet|arpa|linux)/\w+\.h|(fcntl|unistd|sched|locale|dlfcn|dirent|pthread|signal|spawn"
     r"|poll|ftw|netdb|pwd|termios|aio|fnmatch|glob|strings)\.h", set(KNOWS)),
]
# Public headers in which a program of a user's meets Torch: tensors, modules, loaders.
WITH_TORCH = {f"include/fod/{name}.hpp" for name in (
    "callable", "callable_module", "tensor_source", "generator", "first_order_dataset")}
# The one header that C reads too, and that must get along with the user's own DLPack.
C_HEADER = "include/fod/plugin_abi.h"
C_CONDITIONS = r"\s*#\s*(ifdef __cplusplus|ifndef DLPACK_DLPACK_H_)\s*"
SOURCES = {".hpp", ".cpp", ".cu", ".cuh", ".h"}
OWN_FOLDERS = ["src", "include", "tests", "tools", "jobs"]
OWN_SUFFIXES = SOURCES | {".py", ".sh", ".cmake"}
MAX_LINES = 400
# Comments and literals, of which strings must be matched so that "//" inside one is no comment.
BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\[^']+|[^'\\\n])'", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")', re.MULTILINE)


class Violation(NamedTuple):
    file: str
    line: int
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what} ({self.why}): {self.remedy}"


def module_of(path: str) -> str | None:
    """The module that a file, given from the root, belongs to; None for one that has none."""
    parts = path.split("/")
    if parts[:2] == ["include", "fod"] and len(parts) == 3:
        name = parts[2].rpartition(".")[0]
    elif parts[0] == "src" and len(parts) > 2:
        name = parts[1]
    else:
        return None
    name = MODULE_OF.get(name, name)
    return name if name in KNOWS else None


def without_comments(text: str, keep_strings: bool) -> str:
    """The text with comments (and the contents of literals) blanked, lines kept."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        if keep_strings and not found.startswith(("//", "/*")):
            return found
        return re.sub(r"[^\n]", " ", found)

    return BLANKED.sub(blank, text)


def check_own_include(path: str, module: str, target: str) -> tuple[str, str, str] | None:
    if target.startswith("fod/"):
        resolved = "include/" + target
    else:
        resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    other = module_of(resolved)
    what = f'includes "{target}"'
    if other is None:
        return what, "it belongs to no module", "add it to the table in tools/check_layers.py"
    if other == module or other in KNOWS[module]:
        return None
    known = ", ".join(sorted(KNOWS[module])) or "the standard library alone"
    return what, f"{module} knows {known}", f"move what needs {other} into a module that knows both"


def check_foreign_include(path: str, module: str, target: str) -> tuple[str, str, str] | None:
    what = f"includes <{target}>"
    if target.startswith("fod/"):
        return what, "headers of ours are not the system's", f'write "{target}"'
    for pattern, allowed in FOREIGN:
        if re.fullmatch(pattern, target):
            break
    else:
        return what, "unknown header", "say in tools/check_layers.py where it may be included"
    if (re.match("torch/|c10/|ATen/", target) and path.startswith("include/")
            and path not in WITH_TORCH):
        return what, "Torch stays inside src/model", "hide it behind an interface of ours"
    if module in allowed:
        return None
    places = ", ".join(sorted(allowed))
    return what, f"that library is for {places} only", f"ask {places} for what you need"


def check_source(path: str, text: str) -> Iterator[Violation]:
    module = module_of(path)
    if module is None:
        yield Violation(path, 1, "belongs to no module", "its folder or name is not in the table",
                        "move it, or add the module to tools/check_layers.py")
        return
    for match in INCLUDE.finditer(without_comments(text, keep_strings=True)):
        line = text.count("\n", 0, match.start(1)) + 1
        foreign, own = match.group(2), match.group(3)
        found = (check_foreign_include(path, module, foreign) if foreign
                 else check_own_include(path, module, own))
        if found:
            yield Violation(path, line, *found)

    for number, line_text in enumerate(without_comments(text, keep_strings=False).split("\n"), 1):
        allowed = path == C_HEADER and re.fullmatch(C_CONDITIONS, line_text)
        if re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", line_text) and not allowed:
            yield Violation(path, number, "preprocessor condition", "what a machine has is found "
                            "out at run time", "decide by a value, or by which file is compiled")
        if re.match(r"\s*#\s*define\s+\w+\(", line_text):
            yield Violation(path, number, "function-like macro", "it has no type and no scope",
                            "write a function or a template")
        if "<<<" in line_text and not path.endswith(".cu"):
            yield Violation(path, number, "kernel launch", "only nvcc compiles it",
                            "move it into a .cu file")
    if path.startswith("include/") and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield Violation(path, 1, "no #pragma once", "it can be included twice", "add it")


def check_tree(root: Path) -> list[Violation]:
    found: list[Violation] = []
    for folder in OWN_FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in OWN_SUFFIXES or not file.is_file():
                continue
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8")
            lines = text.count("\n")
            if lines > MAX_LINES:
                found.append(Violation(path, lines, f"{lines} lines", f"the limit is {MAX_LINES}",
                                       "split it by what its parts are about"))
            if folder in ("src", "include") and file.suffix in SOURCES:
                found += check_source(path, text)
    return found


# Each case: file, text, and the line and words that are expected, or None where all is well.
CASES: list[tuple[str, str, tuple[int, str] | None]] = [
    ("src/store/good.cpp", '#include "fod/h5.hpp"\n#include "../h5/library.hpp"\n#include <mpi.h>\n'
     "#include <nlohmann/json.hpp>\n#include <vector>\n// a <<< b, #if\n"
     'auto s = "<<< // no comment";\n', None),
    ("src/kernels/good.cu", "#include <cuda_runtime.h>\nf<<<1, 2>>>();\n", None),
    ("src/apps/good.cpp", '#include "fod/pipeline.hpp"\n#include <CLI/CLI.hpp>\n', None),
    ("include/fod/shard.hpp", "#pragma once\n#include <cstdint>\n", None),
    ("src/h5/up.cpp", '\n#include "fod/store.hpp"\n', (2, "h5 knows")),
    ("src/store/sideways.cpp", '#include "fod/model.hpp"\n', (1, "store knows")),
    ("src/comm/private.cpp", '#include "../h5/library.hpp"\n', (1, "comm knows")),
    ("src/error/stray.cpp", '#include "fod/nowhere.hpp"\n', (1, "it belongs to no module")),
    ("include/fod/convert.hpp", '#pragma once\n#include "fod/comm.hpp"\n', (2, "json knows")),
    ("src/nowhere/a.cpp", "int a;\n", (1, "belongs to no module")),
    ("src/dataset/mpi.cpp", "#include <mpi.h>\n", (1, "for comm, h5, store only")),
    ("src/comm/nccl.cpp", "#include <nccl.h>\n", (1, "for nccl only")),
    ("src/store/hdf5.cpp", "#include <hdf5.h>\n", (1, "for h5 only")),
    ("src/json/cli.cpp", "#include <CLI/App.hpp>\n", (1, "for apps, config only")),
    ("src/pipeline/torch.cpp", "#include <torch/script.h>\n", (1, "for api, model only")),
    ("include/fod/callable.hpp", "#pragma once\n#include <ATen/core/Tensor.h>\n", None),
    ("include/fod/result.hpp", "#pragma once\n#include <torch/torch.h>\n", (2, "inside src/model")),
    ("src/json/up.cpp", '#include "fod/result.hpp"\n', (1, "json knows")),
    ("src/kernels/aten.cpp", "#include <ATen/ATen.h>\n", (1, "for api, model only")),
    ("include/fod/model.hpp", "#pragma once\n#include <c10/x.h>\n", (2, "inside src/model")),
    ("src/pipeline/cuda.cpp", "#include <cuda_runtime.h>\n", (1, "for device, kernels")),
    ("src/model/jpeg.cpp", "#include <jpeglib.h>\n", (1, "for dataset only")),
    ("src/pipeline/png.cpp", "#include <png.h>\n", (1, "for dataset only")),
    ("src/kernels/json.cpp", "#include <nlohmann/json.hpp>\n", (1, "for apps, config, json")),
    ("src/model/boost.cpp", "#include <boost/any.hpp>\n", (1, "unknown header")),
    ("src/model/angle.cpp", "#include <fod/error.hpp>\n", (1, 'write "fod/error.hpp"')),
    ("src/kernels/launch.cpp", "\n/* <<< */ f<<<1, 2>>>();\n", (2, "kernel launch")),
    ("src/error/if.cpp", "int a;\n  # ifdef X\n", (2, "preprocessor condition")),
    ("include/fod/plugin_abi.h", "#pragma once\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
     "#ifndef DLPACK_DLPACK_H_\n#endif\n#ifdef _WIN32\n#endif\n", (7, "preprocessor condition")),
    ("src/plugin/cplusplus.cpp", "#ifdef __cplusplus\n#endif\n", (1, "preprocessor condition")),
    ("src/error/macro.cpp", "#define NAME 1\n#define F(x) x\n", (2, "function-like macro")),
    ("include/fod/error.hpp", "int a;\n", (1, "no #pragma once")),
    ("src/error/long.cpp", "\n" * 401, (401, "401 lines")),
    ("tests/unit/long.cpp", "\n" * 500, (500, "500 lines")),
]


def self_test() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for path, text, _ in CASES:
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        found = check_tree(Path(folder))
    for path, _, expected in CASES:
        here = [v for v in found if v.file == path]
        if expected is None:
            assert not here, f"{path} is fine, yet: {here[0]}"
        else:
            assert len(here) == 1, f"{path}: {len(here)} violations, expected 1: {here}"
            assert here[0].line == expected[0] and expected[1] in str(here[0]), str(here[0])
    for module, known in KNOWS.items():  # no two modules of the table know each other
        assert not any(module in KNOWS[other] for other in known), module
    print(f"self-test: {len(CASES)} cases, all as expected")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    found = check_tree(arguments.root)
    for violation in found:
        print(violation)
    print(f"{len(found)} violations of the architecture")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
