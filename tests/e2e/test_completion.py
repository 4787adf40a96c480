"""Completion of bash: the script is sourced and asked as bash does, and must offer all that the
programs' own help names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from program import FOD, fod

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "fod-completion.bash"
GENERATE = FOD.with_name("fod-generate")
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_fod && printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: object, cwd: Path | None = None) -> list[str]:
    """What bash would offer for the last of these words."""
    done = subprocess.run(["bash", "--norc", "-uc", ASK, "bash", str(SCRIPT), *map(str, words)],
                          capture_output=True, text=True, timeout=30, cwd=cwd)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [line for line in done.stdout.splitlines() if line]


def flags_in(text: str) -> set[str]:
    """Long flags that a help text explains: those before the descriptions."""
    names = [re.match(r"  (-.*?)(?=  |$)", line) for line in text.splitlines()]
    return {flag for name in names if name for flag in re.findall(r"--[a-z][\w-]*", name.group(1))}


def commands() -> list[str]:
    text = fod("--help").stdout.decode().split("Subcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+)", text, re.MULTILINE)


def test_it_is_registered():
    done = subprocess.run(["bash", "--norc", "-c", f"source {SCRIPT}; complete -p fod fod-generate"],
                          capture_output=True, text=True, timeout=30)
    assert done.stdout == "complete -F _fod fod\ncomplete -F _fod fod-generate\n"


def test_commands():
    known = commands()
    assert {"info", "verify", "export", "import", "merge", "ensemble", "groups", "compare",
            "select"} <= set(known)
    assert sorted(offered(FOD, "")) == sorted(known)
    assert offered(FOD, "sel") == ["select"]
    assert sorted(offered(FOD, "e")) == sorted(name for name in known if name[0] == "e")
    assert set(offered(FOD, "--")) == {"--help", "--version"}
    assert offered(FOD, "nonsense", "") == [] and offered(FOD, "x") == []


@pytest.mark.parametrize("command", commands())
def test_every_flag_of_a_command(command):
    known = flags_in(fod(command, "--help").stdout.decode())
    assert {"--help", "--json"} <= known
    assert set(offered(FOD, command, "--")) == known
    assert set(offered(FOD, command, "--js")) == {flag for flag in known if flag[:4] == "--js"}
    assert "--json" in offered(FOD, command, "--json", "a.h5", "-")


def test_every_flag_of_the_job(run):
    known = flags_in(run("fod-generate", "--help", ranks=None).stdout)
    assert {"--model", "--data", "--resume", "--layers", "--no-progress", "--config"} <= known
    assert set(offered(GENERATE, "--")) == known
    assert set(offered(GENERATE, "--model", "m.pt", "--keep")) == {
        flag for flag in known if flag.startswith("--keep")}


def test_values_of_flags():
    assert offered(FOD, "select", "--by", "") == ["entropy", "epistemic", "margin", "confidence",
                                                  "disagreement"]
    assert offered(FOD, "select", "r.h5", "--by", "e") == ["entropy", "epistemic"]
    # bash parts words at "=".
    assert offered(FOD, "select", "--by", "=", "m") == ["margin"]
    assert offered(FOD, "select", "--by", "=") == offered(FOD, "select", "--by", "")
    assert offered(FOD, "select", "--top", "") == []  # a number
    assert offered(GENERATE, "--output-mode", "p") == ["probs", "positive"]
    assert offered(GENERATE, "--precision", "") == ["fp32", "tf32", "bf16", "fp16"]
    assert offered(GENERATE, "--image-mode", "") == ["rgb", "gray"]
    assert {"auto", "cpu", "cuda", "tpu"} <= set(offered(GENERATE, "--device", ""))
    assert "kmeans" in offered(GENERATE, "--group-method", "")


def test_files_by_kind(tmp_path):
    for name in ("a.h5", "b.h5", "b.h5.partial", "c.json", "ids.txt", "ids.npy", "m.pt", "m.pt2",
                 "with space.h5"):
        (tmp_path / name).touch()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "d.h5").touch()

    def found(*words):
        return set(offered(*words, cwd=tmp_path))

    results = {"a.h5", "b.h5", "with space.h5", "results"}
    assert found(FOD, "verify", "") == results
    assert found(FOD, "verify", "a") == {"a.h5"}
    assert found(FOD, "verify", "results/") == {"results/d.h5"}
    assert found(FOD, "info", "b") == {"b.h5", "b.h5.partial"}
    assert found(FOD, "ensemble", "--keep-members", "o.h5", "a.h5", "") == results
    assert {"c.json", "results"} <= found(FOD, "import", "")
    assert "a.h5" not in found(FOD, "import", "")
    assert found(FOD, "import", "c.json", "a") == {"a.h5"}
    assert found(FOD, "select", "a.h5", "--exclude", "") == {"ids.txt", "ids.npy", "c.json",
                                                             "results"}
    assert found(FOD, "select", "a.h5", "--exclude", "=", "ids.n") == {"ids.npy"}
    assert {"m.pt", "m.pt2", "results"} <= found(GENERATE, "--model", "")
    assert "a.h5" not in found(GENERATE, "--model", "")
    assert found(GENERATE, "--out", "") == results
    assert "--by" in found(FOD, "select", "a.h5", "")  # no more files: flags


def test_fod_that_is_not_there(tmp_path):
    assert offered(tmp_path / "fod", "") == []
