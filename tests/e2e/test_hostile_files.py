"""Files from strangers: a model is what its digest says, HDF5 files reach into no other file, and
what they claim costs no memory that they do not fill."""

import hashlib
import resource
import subprocess

import h5py
import numpy as np
import pytest

import models
from program import FOD


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    models.save(models.Shaped("logits"), folder / "a.pt", seed=0)
    models.save(models.Shaped("logits"), folder / "b.pt", seed=1)
    models.data(folder / "x.npy", (10, 4))
    return folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("ranks", [1, 2])
def test_models_are_pinned(run, folder, tmp_path, ranks):
    def job(*digests):
        pins = [word for text in digests for word in ("--model-sha256", text)]
        return run("fod-generate", "--model", folder / "a.pt", "--model", folder / "b.pt", *pins,
                   "--data", folder / "x.npy", "--out", tmp_path / "r.h5", "--overwrite",
                   ranks=ranks)

    a, b = digest(folder / "a.pt"), digest(folder / "b.pt")
    assert a != b
    for digests in ((a, b), (a.upper(), "-"), ("-", b)):
        done = job(*digests)
        assert done.returncode == 0, done.stderr
    for digests, name, found, wanted in (((b, a), "a.pt", a, b), (("-", a), "b.pt", b, a)):
        refused = job(*digests)
        assert refused.returncode == 2
        assert name in refused.stderr and found in refused.stderr and wanted in refused.stderr
        assert "is not the one that --model-sha256 names" in refused.stderr


def hostile(path):
    """What must be refused, by name, and a word of the message."""
    with h5py.File(path.parent / "there.h5", "w") as file:
        file["x"] = np.zeros((10, 4), np.float32)
        file["words"] = ["a"] * 10
    (path.parent / "raw").write_bytes(bytes(160))
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        file["link"] = h5py.ExternalLink("there.h5", "/x")
        file["soft"] = h5py.SoftLink("/link")
        file["group/link"] = h5py.ExternalLink("there.h5", "/")
        file["loop"] = h5py.SoftLink("/loop")
        layout = h5py.VirtualLayout(shape=(10, 4), dtype="f4")
        layout[:] = h5py.VirtualSource("there.h5", "x", shape=(10, 4))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", shape=(10, 4), dtype="f4", external=[("raw", 0, 160)])
        file.create_dataset("wide", shape=(10, 2**40), dtype="f4", chunks=(1, 1024))
        file.create_dataset("chunk", shape=(10, 2**28), dtype="f4", chunks=(1, 2**28))
    return {"link": "another file", "soft": "cannot open", "group/link/x": "another file",
            "loop": "too many", "virtual": "virtual", "external": "virtual or stored externally",
            "wide": "claims more", "chunk": "claims more"}


def test_data_reach_into_no_other_file(run, folder, tmp_path):
    for name, words in hostile(tmp_path / "x.h5").items():
        job = run("fod-generate", "--model", folder / "a.pt", "--data", f"{tmp_path}/x.h5:/{name}",
                  "--out", tmp_path / "r.h5")
        assert job.returncode == 2, (name, job.stderr)
        assert words in job.stderr
        assert not (tmp_path / "r.h5").exists()


def test_texts_reach_into_no_other_file(run, folder, tmp_path):
    hostile(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+", libver=("earliest", "v110")) as file:
        file["words"] = h5py.ExternalLink("there.h5", "/words")
        file["soft_words"] = h5py.SoftLink("/words")
        layout = h5py.VirtualLayout(shape=(10,), dtype=h5py.string_dtype())
        layout[:] = h5py.VirtualSource("there.h5", "words", shape=(10,))
        file.create_virtual_dataset("virtual_words", layout)
        file.create_dataset("long", shape=(10,), dtype="S1000000000", chunks=(1,))
    for name in ("words", "soft_words", "virtual_words", "long"):
        job = run("fod-generate", "--model", folder / "a.pt", "--data", folder / "x.npy",
                  "--layers", "layer", "--texts", f"{tmp_path}/x.h5:/{name}", "--out",
                  tmp_path / "r.h5")
        assert job.returncode == 2, (name, job.stderr)


def fod(*arguments):
    """Runs `fod` with little memory."""
    limit = 1 << 30
    return subprocess.run([FOD, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))


def replace(file, path, **how):
    del file[path]
    file.create_dataset(path, **how)


def claim_samples(file):
    file.attrs["dataset_size"], file.attrs["batch_size"] = 2**40, 2**31
    file.attrs["block_size"], file.attrs["block_end"] = 2**31, 2**9
    for path in ("sample_ids", "row_status"):
        replace(file, path, shape=(2**40,), dtype=file[path].dtype, chunks=(2**16,))


def claim_classes(file):
    file.attrs["classes"] = 2**31
    replace(file, "distributions", shape=(3, 2**31), dtype="f4", chunks=(1, 2**16))


def claim_labels(file):
    file.create_dataset("labels", shape=(3, 2**40), dtype="i8", chunks=(1, 2**16))


def claim_provenance(file):
    file.create_dataset("provenance/list", shape=(2**40,), dtype="i8", chunks=(2**16,))


def claim_words(file):
    replace(file, "ledger/sections", shape=(2**40,), dtype=h5py.string_dtype(), chunks=(2**12,))


def claim_meta(file):
    replace(file, "meta", shape=(), dtype="S2000000000")


def link_meta(file):
    del file["meta"]
    file["meta"] = h5py.ExternalLink("other.h5", "/meta")


def link_distributions_softly(file):
    del file["distributions"]
    file["there"] = h5py.ExternalLink("other.h5", "/distributions")
    file["distributions"] = h5py.SoftLink("/there")


@pytest.mark.parametrize("change", [claim_samples, claim_classes, claim_labels, claim_provenance,
                                    claim_words, claim_meta, link_meta, link_distributions_softly])
def test_results_claim_no_more_than_they_hold(tmp_path, change):
    (tmp_path / "r.json").write_text('{"distributions": {"0": [1.0], "1": [1.0], "2": [1.0]}}')
    for name in ("r.h5", "other.h5"):
        assert fod("import", tmp_path / "r.json", tmp_path / name).returncode == 0
    assert fod("verify", tmp_path / "r.h5").returncode == 0
    with h5py.File(tmp_path / "r.h5", "r+", libver=("earliest", "v110")) as file:
        change(file)
    verified = fod("verify", tmp_path / "r.h5")
    if change is not claim_provenance:  # of which `verify` looks at nothing
        assert verified.returncode in (1, 2), verified.stdout
    informed = fod("info", tmp_path / "r.h5")
    if change is not link_distributions_softly:  # which `info` does not read
        assert informed.returncode == 2, informed.stdout
    exported = fod("export", tmp_path / "r.h5", tmp_path / "out.json")
    measured = fod("metrics", tmp_path / "r.h5", "--radius", "0.1")
    if change not in (claim_provenance, claim_words, claim_meta, link_meta):
        assert measured.returncode == 2, measured.stdout
    selected = fod("select", tmp_path / "r.h5", "--by", "margin")
    if change not in (claim_provenance, claim_words, claim_meta, link_meta):
        assert selected.returncode == 2, selected.stdout
    for done in (verified, informed, exported, measured, selected):
        assert done.returncode >= 0 and "bad_alloc" not in done.stderr, done.stderr


@pytest.mark.parametrize("size", [2**40, 2**62, 2**64 - 1])
def test_damaged_heaps_of_strings_end_in_a_message(tmp_path, size):
    """HDF5 1.10 reads them as nothing, or crashes; others refuse them."""
    (tmp_path / "r.json").write_text('{"distributions": {"0": [1.0]}}')
    assert fod("import", tmp_path / "r.json", tmp_path / "r.h5").returncode == 0
    data = bytearray((tmp_path / "r.h5").read_bytes())
    heap = data.index(b"GCOL")
    while heap >= 0:
        at, end = heap + 16, heap + int.from_bytes(data[heap + 8 : heap + 16], "little")
        while at + 16 < end and data[at : at + 2] != b"\0\0":  # 0 is the free space at the end
            length = int.from_bytes(data[at + 8 : at + 16], "little")
            data[at + 8 : at + 16] = size.to_bytes(8, "little")
            at += 16 + (length + 7) // 8 * 8
        heap = data.find(b"GCOL", heap + 1)
    (tmp_path / "r.h5").write_bytes(data)
    for command in ("verify", "info"):
        done = fod(command, tmp_path / "r.h5")
        assert done.returncode in (1, 2), done
        assert "not valid" in done.stdout or done.stderr.startswith("fod: ")
