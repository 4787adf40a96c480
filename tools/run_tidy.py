#!/usr/bin/env python3
"""Runs clang-tidy, as .clang-tidy sets it, over our C++ files that the build compiles; exit 1 on
any finding. Files that include Torch take about a minute each, so one that was good is not checked
again before it, a header of ours, its flags or .clang-tidy changes (stamps in BUILD/tidy).

    run_tidy.py --build build/release [--clang-tidy PROGRAM] [--jobs 2] [FILE-REGEX]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="?", default="", help="only files whose path matches")
    parser.add_argument("--build", type=Path, required=True, help="has compile_commands.json")
    parser.add_argument("--clang-tidy", default="clang-tidy")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()

    commands = arguments.build / "compile_commands.json"
    if not commands.exists():
        print(f"run_tidy: no {commands} (nothing configured there): run cmake --preset release")
        return 2
    compiled = {Path(entry["directory"], entry["file"]).resolve(): entry["command"]
                for entry in json.loads(commands.read_text())}
    ours = sorted(file for file in compiled
                  if file.suffix == ".cpp" and file.is_relative_to(ROOT)
                  and file.relative_to(ROOT).parts[0] in ("src", "tests")
                  and not (file.name.startswith("main") and "tests" in file.parts)  # Catch2's own
                  and re.search(arguments.files, str(file.relative_to(ROOT))))
    headers = [file for folder in ("include", "src", "tests")
               for file in sorted((ROOT / folder).rglob("*")) if file.suffix in (".hpp", ".cuh")]
    settings = [ROOT / ".clang-tidy", ROOT / "tests" / ".clang-tidy"]
    common = b"".join(file.read_bytes() for file in settings + headers)
    stamps = arguments.build / "tidy"
    stamps.mkdir(exist_ok=True)

    def check(file: Path) -> bool:
        begin = time.monotonic()
        key = hashlib.sha256(common + file.read_bytes() + compiled[file].encode()).hexdigest()
        stamp = stamps / file.relative_to(ROOT).as_posix().replace("/", "_")
        if stamp.exists() and stamp.read_text() == key:
            return True
        done = subprocess.run([arguments.clang_tidy, "--quiet", "-p", arguments.build, file],
                              capture_output=True, text=True, check=False)
        good = done.returncode == 0 and not done.stdout.strip()
        print(f"{'ok  ' if good else 'FAIL'} {time.monotonic() - begin:5.1f} s  "
              f"{file.relative_to(ROOT)}", flush=True)
        if good:
            stamp.write_text(key)
        else:  # what goes to stderr is mostly a count of findings in others' headers
            print(done.stdout or done.stderr, flush=True)
        return good

    with ThreadPoolExecutor(arguments.jobs) as pool:
        failed = list(pool.map(check, ours)).count(False)
    print(f"clang-tidy: {len(ours)} files, {failed} with findings")
    return 1 if failed or not ours else 0


if __name__ == "__main__":
    sys.exit(main())
