"""The program `fod` as a function, and the one exact layout of JSON."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOD = Path(os.environ.get("FOD_BUILD", ROOT / "build" / "release")).resolve() / "fod"
PATIENCE = int(os.environ.get("FOD_PATIENCE", "1"))  # times as long may all take, as with sanitizers


def fod(*arguments, **settings):
    """Runs `fod`; stdout and stderr are bytes."""
    return subprocess.run([str(FOD), *map(str, arguments)], capture_output=True,
                          timeout=60 * PATIENCE, **settings)


def preloaded(library):
    """The environment of a program with one more library: with sanitizers there is one already."""
    return {"LD_PRELOAD": f"{library} {os.environ.get('LD_PRELOAD', '')}"}


def dumps(document):
    """The one exact layout."""
    return json.dumps(document, ensure_ascii=False).encode()
