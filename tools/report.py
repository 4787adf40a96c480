#!/usr/bin/env python3
"""Draws a result file of fod-generate: pictures of its groups of neurons, of calibration and
uncertainty, a dashboard in one file that works without a network, and the older tool's reports.

  python tools/report.py result.h5 --out report --data images.npy
  xdg-open report/dashboard.html
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from fod_report.problem import Problem


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="report.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, metavar="R.h5", help="of fod-generate, fod merge or "
                        "fod import")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="folder to make; it must not be there yet")
    parser.add_argument("--data", metavar="SPEC", help="the job's data, if these are images: x.npy, "
                        "x.h5:/path, IDX, cifar10:FILE, a folder of images, python:module:name")
    parser.add_argument("--overwrite", action="store_true", help="replace the report in DIR")
    parser.add_argument("--pytorch-names", action="store_true",
                        help="the older tool's file names (pytorch_groups_heatmap_LAYER.png, …)")
    parser.add_argument("--theme", choices=("light", "dark"), default="light",
                        help="of the pictures; the dashboard has both")
    parser.add_argument("--dpi", type=int, default=150, metavar="D",
                        help="of the pictures, 20 to 600 (150)")
    parser.add_argument("--seed", type=int, default=0, metavar="S",
                        help="where not all can be drawn: which samples and neurons are (0)")
    found = parser.parse_args(arguments)
    if found.seed < 0:
        parser.error("--seed must not be negative")
    if not 20 <= found.dpi <= 600:
        parser.error("--dpi must be 20 to 600")
    return found


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from fod_report.problem import damaged
        from fod_report.read import Result

        try:
            result = Result(options.result)
            from fod_report.make import Settings, make  # takes seconds: after the first look
            from fod_report.names import Names

            settings = Settings(options.out, options.data, Names(options.pytorch_names),
                                options.theme, options.overwrite, options.seed, options.dpi)
            files = make(result, settings)
        except (OSError, KeyError) as error:
            raise damaged(str(options.result), " ".join(str(error).split())) from None
    except KeyboardInterrupt:
        print("report: stopped (by a signal): start it again", file=sys.stderr)
        return 3
    except Problem as problem:
        print(f"report: {problem}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"report: a Python package is missing ({error}): run tools/setup.sh, and this with "
              ".venv/bin/python", file=sys.stderr)
        return 2
    pictures = sum(name.endswith(".png") for name in files)
    print(f"{options.out}: {len(files)} files, {pictures} of them pictures")
    print(f"open {options.out / settings.names.dashboard} in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
