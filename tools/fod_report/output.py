"""The folder of a report: all of it or nothing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .problem import Problem

OURS = re.compile(r"(pytorch_)?(groups_(heatmap|scatter)_.*|all_layers_heatmap)\.png"
                  r"|(reliability_diagram|entropy_histogram|uncertain_samples|group_entropy|skills"
                  r"|group_events)\.png"
                  r"|dashboard\.html|pytorch_interactive_dashboard\.html"
                  r"|(pytorch_)?neuron_group_analysis_report\.(json|txt)")


class Output:
    """Files go into a hidden folder beside the wanted one, which gets its name by `publish`."""

    def __init__(self, folder: Path, overwrite: bool) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.overwrite = overwrite
        if os.path.lexists(self.folder) and not (overwrite and self.folder.is_dir()):
            why = "it exists" if self.folder.is_dir() else "a file has this name"
            raise Problem(f"{folder} is not written", why,
                          "name another folder, or give --overwrite to replace the report in it"
                          if self.folder.is_dir() else "name another folder")
        self.files: list[str] = []
        try:
            self.work = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}.",
                                              dir=self.folder.parent))
            os.chmod(self.work, 0o777 & ~_umask())
        except OSError as error:
            raise Problem(f"{folder} cannot be written", error.strerror or str(error),
                          "name a folder in one that exists and is yours to write to") from None

    def path(self, name: str) -> Path:
        """Where to write the file that will have this name."""
        self.files.append(name)
        return self.work / name

    def write(self, name: str, text: str) -> None:
        with self.writing():
            self.path(name).write_text(text, encoding="utf-8")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What the system refuses is told as such, and not taken for a fault of the result file."""
        try:
            yield
        except OSError as error:
            raise Problem(f"{self.folder} cannot be written", error.strerror or str(error),
                          "make room, or name another folder") from None

    def publish(self) -> None:
        """The report gets its name."""
        with self.writing():
            self._publish()

    def _publish(self) -> None:
        if not os.path.lexists(self.folder):
            os.rename(self.work, self.folder)
            return
        for name in self.files:
            os.replace(self.work / name, self.folder / name)
        for old in os.listdir(self.folder):  # of an earlier report, with other layers
            if OURS.fullmatch(old) and old not in self.files:
                os.unlink(self.folder / old)
        os.rmdir(self.work)

    def discard(self) -> None:
        """Nothing is left of what was not published."""
        shutil.rmtree(self.work, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
