"""What people see: tables that fit their terminal, colours only where they are wanted, help with
examples, JSON from every command, and messages on mistakes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from group_files import add_layer
from program import FOD, dumps, fod
from pseudo_terminal import shown
from test_completion import commands

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A file with groups, and metadata that no line can hold."""
    folder = tmp_path_factory.mktemp("terminal")
    p = np.random.default_rng(0).dirichlet(np.ones(12), 200)
    document = {"meta": {"model_name": "n" * 300, "unicode": "é" * 200},
                "distributions": {str(i): row.tolist() for i, row in enumerate(p)}}
    (folder / "in.json").write_bytes(dumps(document))
    for name in ("r.h5", "s.h5"):
        assert fod("import", folder / "in.json", folder / name).returncode == 0
        add_layer(folder / name, "net.fc", [list(range(10)), [11, 12, 13]], 20)
    return folder / "r.h5"


def on_terminal(*arguments, columns: int = 80, **variables: str) -> str:
    """Runs fod on a terminal of so many columns."""
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    return shown([FOD, *arguments], 30, columns,
                 env={**environment, "TERM": "xterm", **variables})[1]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_tables_fit_the_terminal(result, columns):
    text = on_terminal("info", result, columns=columns)
    lines = [ESCAPE.sub("", line) for line in text.splitlines()]
    assert max(map(len, lines[1:])) <= columns  # the first is the path
    assert any(line.endswith("…") for line in lines) == (columns <= 80)
    assert any(re.match(r" +/\S+ +(float32|float64) ", line) for line in lines)
    assert "19.2 kB" in text  # 200 x 12 float64
    for line in (line for line in on_terminal("select", result, "--table", columns=columns)
                 .splitlines()[1:]):
        assert len(ESCAPE.sub("", line)) <= columns


def test_a_pipe_gets_no_colours_and_whole_lines(result):
    for arguments in (("info", result), ("verify", result), ("groups", result), ("--help",),
                      ("compare", result, result.with_name("s.h5"))):
        text = fod(*arguments).stdout.decode()
        assert "\x1b" not in text and "…" not in text
    assert str(result) in fod("info", result).stdout.decode()


def test_colours(result):
    plain = fod("info", result).stdout.decode()
    text = on_terminal("info", result, columns=400)
    assert "\x1b[1m" in text and ESCAPE.sub("", text) == plain
    assert "\x1b[32mvalid\x1b[0m" in on_terminal("verify", result, columns=400)
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
        assert on_terminal("info", result, columns=400, **variables) == plain
    assert "\x1b[1m" in on_terminal("info", result, columns=400, NO_COLOR="")  # no-color.org
    assert "\x1b" not in on_terminal("info", result, "--json", columns=400)


@pytest.mark.parametrize("command", commands())
def test_help(command):
    text = fod(command, "--help").stdout.decode()
    assert f"\n\nUsage: fod {command} [OPTIONS] " in text
    assert f"\n\nExample:\n  fod {command} " in text
    assert "\n\nOptions:\n" in text and "\n\nOutput:\n" in text and "\n\n\n" not in text
    assert max(map(len, text.splitlines())) <= 100
    narrow = on_terminal(command, "--help", columns=80)
    body = narrow.split("Example")[0]
    assert max(map(len, body.splitlines())) <= 80
    assert narrow.split() == text.split()  # the same words


def test_json_of_every_command(run, result, tmp_path):
    """Each command with --json prints one JSON document and nothing else on stdout."""
    folder = result.parent
    np.save(tmp_path / "x.npy", np.zeros((8, 3), np.float32))
    module = tmp_path / "net.py"
    module.write_text("def logits(x):\n    return x\n")
    for part in ("0:4", "4:8"):
        done = run("fod-generate", "--model", "python:net:logits", "--data", tmp_path / "x.npy",
                   "--batch-size", 4, "--range", part, "--out", tmp_path / f"{part[0]}.h5",
                   ranks=None, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    other = folder / "other.json"
    p = np.random.default_rng(1).dirichlet(np.ones(12), 200)
    other.write_bytes(dumps({"meta": {}, "distributions": {str(i): r.tolist()
                                                           for i, r in enumerate(p)}}))
    calls = {"info": [result], "verify": [result], "export": [result, tmp_path / "out.json"],
             "import": [other, tmp_path / "o.h5"], "groups": [result], "select": [result],
             "merge": [tmp_path / "m.h5", tmp_path / "0.h5", tmp_path / "4.h5"],
             "compare": [result, folder / "s.h5"],
             "ensemble": [tmp_path / "e.h5", result, tmp_path / "o.h5"]}
    for command in commands():
        if command not in calls:
            assert command == "metrics", f"no call for {command} here"
            continue
        done = fod(command, *calls[command], "--json")
        assert done.returncode == 0, (command, done.stderr)
        assert isinstance(json.loads(done.stdout), dict), command


def test_mistakes(result, tmp_path):
    for arguments, words in {
        ("selct",): "unknown command selct (did you mean select?): `fod --help` lists",
        ("ensembl",): "did you mean ensemble?",
        ("select", "--bye"): "unknown flag --bye (did you mean --by?): `fod select --help` lists",
        ("select",): "file is required",
        ("select", result, "--by", "entropie"): "--by",
        ("info", tmp_path / "none.h5"): "none.h5 does not exist: check the path",
        ("info", tmp_path): "is no result file (it is a folder): name the file in it",
        ("verify", result.with_name("in.json")): "looks like JSON, not HDF5): make a result file "
                                                 "of it with `fod import`",
        ("groups", __file__): "is no result file (it is not readable, or no HDF5 file)",
    }.items():
        done = fod(*arguments)
        message = done.stderr.decode()
        assert done.returncode == 2 and done.stdout == b"", arguments
        assert message.startswith("fod: ") and message.count("\n") == 1 and words in message, message
    np.save(tmp_path / "x.npy", np.zeros(3))
    assert b"it is a .npy array, not HDF5" in fod("info", tmp_path / "x.npy").stderr
    Path(tmp_path / "r.h5.partial").write_bytes(b"")
    assert b"its job has not finished" in fod("select", tmp_path / "r.h5").stderr
