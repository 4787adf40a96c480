"""The pages in tools/docs: every block of shell, Python and C in them is run, in a folder with
small inputs of the names that they use; links lead somewhere, flags are known, and the messages
that troubleshooting.md explains are those of the sources."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from conftest import ROOT, run_command
from torch import Tensor, nn

DOCS = ROOT / "tools" / "docs"
PAGES = sorted(DOCS.glob("*.md"))
RUN = ("sh", "python", "c")
# No Julia and no cluster are here, and a benchmark takes too long.
# The C++ one is compiled and run by test_slow_install.py.
NOT_RUN = {("file-format", "julia"): 1, ("file-format", "cpp"): 1, ("scaling", "sh cluster"): 3, ("scaling", "text"): 1}
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAMPLES, PIXELS, CLASSES = 600, 64, 4


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    info: str
    text: str

    @property
    def file(self) -> str | None:
        """Of a module or a C source: the name in its first line."""
        named = re.match(r"(?:# |/\* )([\w-]+\.(?:py|c))\b", self.text)
        return named[1] if named else None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page.stem, text[:found.start(2)].count("\n") + 1, found[1], found[2])
            for found in FENCE.finditer(text)]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
TEXTS = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}


# --- the inputs --------------------------------------------------------------------------------

class Net(nn.Module):
    """A convolution, a layer whose neurons are of five kinds, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.fc1 = nn.Linear(PIXELS, 24)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv1(x)).mean(dim=[1, 2, 3])
        hidden = torch.relu(self.fc1(x.flatten(1)) + 0.1 * y[:, None])
        return self.fc2(self.drop(hidden))


class Bayes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight_mu = nn.Parameter(torch.zeros(CLASSES, PIXELS))
        self.weight_rho = nn.Parameter(torch.zeros(CLASSES, PIXELS))
        self.bias_mu = nn.Parameter(torch.zeros(CLASSES))
        self.bias_rho = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight_mu.T + self.bias_mu


def made(seed: int) -> Net:
    model = Net().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        kinds = torch.randn(5, PIXELS, generator=generator)[torch.arange(24) % 5]
        noise = 0.4 * torch.randn(24, PIXELS, generator=generator)
        model.fc1.weight.copy_(0.4 * (kinds + noise))
    return model


def write_inputs(folder: Path) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((SAMPLES, 1, 8, 8)).astype(np.float32)
    model = made(0)
    with torch.no_grad():
        logits = model(torch.from_numpy(x))
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", logits.argmax(1).numpy())
    np.save(folder / "w.npy", random.standard_normal((PIXELS, CLASSES)).astype(np.float32))
    np.save(folder / "loss.npy", random.random(SAMPLES))
    for name, seed in (("m", 0), ("m2", 1), ("epoch1", 0), ("epoch2", 2)):
        torch.jit.script(made(seed)).save(str(folder / f"{name}.pt"))
    torch.jit.script(Bayes().eval()).save(str(folder / "bayes.pt"))
    torch.save({name: value for name, value in model.state_dict().items()
                if name.startswith("fc")}, folder / "teacher.pth")
    sentences = ("Add these two numbers.", "Translate this sentence.", "It follows, therefore it "
                 "is true.", "In what year was she born?", "Hello there.")
    (folder / "texts.txt").write_text("".join(sentences[i % 5] + "\n" for i in range(SAMPLES)))
    (folder / "dists.json").write_text(json.dumps({  # of the Python tool
        "meta": {"model_name": "old", "dataset": "digits"},
        "distributions": {str(i): row for i, row in enumerate(logits.softmax(1).tolist())}},
        ensure_ascii=False))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    for name in ("tools", "jobs", "tests", "include"):
        (folder / name).symlink_to(ROOT / name)
    return folder


# --- every block is run ------------------------------------------------------------------------

def run_shell(block: Block, folder: Path, build: Path) -> None:
    python = Path(sys.executable).parent
    done = run_command(["bash", "-euc", block.text], 240, cwd=folder, env={
        "PATH": os.pathsep.join([str(build), str(python), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "tools"), "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3", "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"})
    assert done.returncode == 0, (f"{block.page}.md, line {block.line}\n{block.text}\n"
                                  f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}")


def run_block(block: Block, folder: Path, build: Path) -> None:
    if block.info == "sh":
        run_shell(block, folder, build)
    elif block.file:  # run by a command of the page
        (folder / block.file).write_text(block.text, encoding="utf-8")
    else:
        code = compile("\n" * (block.line - 1) + block.text, f"{block.page}.md", "exec")
        exec(code, {"__name__": "__main__"})  # in here: torch is loaded already


# JAX, TensorFlow and h5py beside another HDF5 are not for AddressSanitizer (tests/sanitizers).
@pytest.mark.skipif("libfod_plain_dl" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers")
@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if block.info in RUN}))
def test_every_block_of_a_page_runs(page, inputs, build, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "user"
    shutil.copytree(inputs, folder, symlinks=True)
    if page == "troubleshooting":  # it asks about a result that is there
        job = Block(page, 0, "sh", "fod-generate --model m.pt --data x.npy --labels y.npy "
                                   "--layers fc1 --out r.h5")
        run_shell(job, folder, build)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    ran = [block for block in BLOCKS if block.page == page and block.info in RUN]
    commands = "".join(block.text for block in ran if block.info == "sh")
    for block in ran:
        run_block(block, folder, build)
        name = Path(block.file or "").stem
        assert name in commands, f"no command uses {block.file}"
    check(page, folder, capsys.readouterr().out)
    for result in folder.glob("*.h5"):
        assert unknown_names(result) == set(), result.name


def unknown_names(path: Path) -> set[str]:
    """Objects and attributes of a result file that file-format.md does not name."""
    with h5py.File(path) as file:
        if "format" not in file.attrs:
            return set()  # of --posterior
        layers = {*file.get("groups", ()), *file.get("activations", ())}
        names = set(file.attrs)
        file.visititems(lambda name, object_: names.update(name.split("/"), object_.attrs))
    known = set(re.findall(r"\w+", TEXTS["file-format"]))
    return names - layers - known


def check(page: str, folder: Path, printed: str) -> None:
    """What a page leaves behind, where that is easily said."""
    if page == "from-the-python-generator":
        teacher = json.loads((folder / "teacher.json").read_text(encoding="utf-8"))
        assert teacher["meta"]["model_name"] == "teacher_v1" and teacher["meta"]["accuracy"] > 0.5
        assert len((folder / "round2.txt").read_text().split()) == 100
    if page == "from-the-neuron-group-visualizer":
        names = {path.name for path in (folder / "report").iterdir()}
        assert {"pytorch_groups_heatmap_fc1.png", "pytorch_groups_scatter_conv1.png",
                "pytorch_all_layers_heatmap.png", "pytorch_interactive_dashboard.html"} <= names
    if page == "scaling":
        same = subprocess.run(["h5diff", "s.h5", "parts.h5", "/groups"], cwd=folder)
        assert same.returncode == 0
    if page == "file-format":  # the readers in Python and C tell the same
        own = subprocess.run([str(folder / "read_result"), "r.h5"], cwd=folder, text=True,
                             capture_output=True, timeout=30)
        assert own.stdout == printed and printed.startswith("600 samples, 4 classes, group 0: [")


def test_blocks_that_cannot_run_are_few_and_marked():
    others: dict[tuple[str, str], int] = {}
    for block in BLOCKS:
        if block.info not in RUN:
            others[block.page, block.info] = others.get((block.page, block.info), 0) + 1
    assert others == NOT_RUN
    assert {block.page for block in BLOCKS if block.info in RUN} >= {
        "file-format", "from-the-neuron-group-visualizer", "from-the-python-generator", "scaling",
        "troubleshooting"}


# --- what is said of the programs --------------------------------------------------------------

def flags_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


@cache
def help_of(*command: str) -> set[str]:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return flags_in(done.stdout)


def known_flags(build: Path) -> dict[str, set[str]]:
    """By program: fod-generate, fod with each of its commands, the tools in Python."""
    listing = subprocess.run([build / "fod", "--help"], capture_output=True, text=True).stdout
    commands = re.findall(r"^  (\w+)", listing.split("Subcommands:\n")[1].split("\n\n")[0],
                          re.MULTILINE)
    known = {"fod-generate": help_of(str(build / "fod-generate"))}
    known |= {f"fod {name}": help_of(str(build / "fod"), name) for name in commands}
    for tool in ("tools/report.py", "tests/bench/scale.py", "tools/export_model.py"):
        source = (ROOT / tool).read_text(encoding="utf-8")
        known[tool] = set(re.findall(r'add_argument\("(--[\w-]+)"', source))
    return known


OF_LAUNCHERS = {"--mpi", "--oversubscribe", "--hostfile", "--map-by", "--bind-to", "--nodes",
                "--cpus-per-task", "--ntasks-per-node", "--time"}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info == "sh cluster"],
                         ids=lambda block: f"{block.page}-{block.line}")
def test_commands_of_a_cluster_parse_and_use_known_flags(block, build):
    parsed = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
    assert parsed.returncode == 0, parsed.stderr
    for line in re.sub(r"\\\n", " ", block.text).splitlines():
        ours = re.split(r"\bfod-generate\b|\.sbatch\b", line, maxsplit=1)
        assert len(ours) == 2, line
        assert flags_in(ours[0]) <= OF_LAUNCHERS, line
        assert flags_in(ours[1]) <= known_flags(build)["fod-generate"], line


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_flags_that_a_page_names_exist(page, build):
    known = set().union(*known_flags(build).values()) | OF_LAUNCHERS
    assert flags_in(TEXTS[page]) - known - {"--help", "--version"} == set()


# --- messages ----------------------------------------------------------------------------------

GAP = "\0"  # where code stands between the texts of a message
CPP = re.compile(r"""//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])'"""  # comments, characters
                 r"""|R"(\w*)\((.*?)\)\1"|"((?:\\.|[^"\\\n])*)\"""", re.DOTALL)


def texts_of_cpp(source: str) -> str:
    """The string literals of a source, neighbours joined as the compiler does."""
    texts, at = [], 0
    for found in CPP.finditer(source):
        if found[3] is None and found[2] is None:
            continue
        if source[at:found.start()].strip():
            texts.append(GAP)
        raw = found[2] if found[2] is not None else re.sub(r"\\(.)", r"\1", found[3])
        texts.append(raw)
        at = found.end()
    return "".join(texts)


def texts_of_python(source: str) -> str:
    texts = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
            texts.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
    return GAP.join(texts)


@cache
def all_texts() -> list[str]:
    sources = [path for folder in ("src", "include") for path in (ROOT / folder).rglob("*")
               if path.suffix in (".cpp", ".hpp", ".cu")]
    found = [texts_of_cpp(path.read_text(encoding="utf-8")) for path in sources]
    python = [path for folder in ("src", "tools") for path in (ROOT / folder).rglob("*.py")]
    return found + [texts_of_python(path.read_text(encoding="utf-8")) for path in python]


def messages() -> list[str]:
    rows = re.findall(r"^\| (.*?) \|", TEXTS["troubleshooting"], re.MULTILINE)
    first = [cell for cell in rows if cell not in ("message", "---")]
    assert all(re.fullmatch(r"`[^`]+`", cell) for cell in first), "a message is a code span"
    return [cell.strip("`") for cell in first]


def is_said(message: str) -> bool:
    """Its fixed parts follow one another in the texts of one source."""
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    assert sum(map(len, parts)) >= 7, message
    pattern = re.compile("[^\1]{0,90}?".join(parts))
    return any(pattern.search(text) for text in all_texts())


def test_messages_are_those_of_the_sources():
    found = messages()
    assert len(found) >= 100 and len(set(found)) == len(found)
    assert [message for message in found if not is_said(message)] == []
    for known in ("Model must return a torch.Tensor (logits or probs).",
                  "generated … distributions, but dataset length is …."):
        assert known in found  # to users of the Python tool
    assert not is_said("the model … is not a model at all")


# --- links and form ----------------------------------------------------------------------------

def anchors_of(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", ["README.md", *(f"tools/docs/{page}.md" for page in TEXTS)])
def test_links_lead_to_files_and_headings(path):
    text = FENCE.sub("", (ROOT / path).read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text)
    for target in (one or other for one, other in links):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (ROOT / path).parent / name if name else ROOT / path
        assert there.is_file(), f"{path}: {target}"
        if anchor:
            assert anchor in anchors_of(there.read_text(encoding="utf-8")), f"{path}: {target}"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_pages_are_short_and_narrow(page):
    lines = TEXTS[page].splitlines()
    assert len(lines) <= 400
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
    assert not re.search(r"/work/|/tmp/|TODO|FIXME", TEXTS[page])
