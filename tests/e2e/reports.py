"""tools/report.py as a program and as a module, and a job to report on."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
from conftest import ROOT, Finished, run_command

sys.path.insert(0, str(ROOT / "tools"))
LAYERS = ("conv1", "conv2", "fc1")


def report(*arguments: object, timeout: float = 300, env: dict[str, str] | None = None,
           cwd: Path | None = None) -> Finished:
    return run_command([sys.executable, str(ROOT / "tools" / "report.py"), *map(str, arguments)],
                       timeout, env, cwd)


def reported(*arguments: object, **settings) -> Finished:
    """The same, and it went well."""
    done = report(*arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done


def drawn(folder: Path, path: Path, *flags: object) -> tuple[set[str], dict]:
    """Names of the files of a report in `folder`/out, and what its dashboard was given."""
    out = folder / "out"
    reported(path, "--out", out, "--dpi", 40, *flags)
    assert [entry.name for entry in folder.iterdir() if entry.name.startswith(".")] == []
    return {entry.name for entry in out.iterdir()}, payload(out / "dashboard.html")


def payload(page: Path) -> dict:
    """What a dashboard was given."""
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="fod-data">(.*?)</script>', text, re.DOTALL).group(1))


def annotate(digits: Path) -> None:
    """Beside the digits: their loss by the model, and how bold each is written."""
    images, labels = np.load(digits / "images.npy"), np.load(digits / "labels.npy")
    model = torch.jit.load(str(digits / "digits_model.pt")).eval()
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(images)),
                                                 torch.from_numpy(labels), reduction="none")
    np.save(digits / "loss.npy", loss.numpy())
    ink = images.mean((1, 2, 3))
    names = np.array(["thin", "medium", "bold"])[np.digitize(ink, np.quantile(ink, [0.33, 0.66]))]
    (digits / "strokes.csv").write_text("stroke\n" + "\n".join(names) + "\n")


def job(run, digits: Path, out: Path, *flags: object) -> Path:
    done = run("fod-generate", "--model", digits / "digits_model.pt", "--data",
               digits / "images.npy", "--labels", digits / "labels.npy", "--out", out, *flags,
               ranks=None, timeout=120)
    assert done.returncode == 0, done.stderr
    return out


def job_with_everything(run, digits: Path, out: Path) -> Path:
    annotate(digits)
    return job(run, digits, out, "--layers", ",".join(LAYERS), "--correlation-threshold", "auto",
               "--group-patterns", "--categories", f"{digits / 'strokes.csv'}:stroke", "--loss",
               digits / "loss.npy", "--model-name", "digits_cnn")
