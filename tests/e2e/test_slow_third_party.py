"""A TorchScript file of a third party, Silero's detector of speech: its program runs unchanged in
the job, and gives what PyTorch gives."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from conftest import ROOT
from doors import third_party_vad

RATE, CHUNK, BATCH = 16000, 512, 64


def vowel(random):
    """A chunk of a sung vowel: pulses of a larynx through three formants."""
    sound = np.zeros(8 * CHUNK)
    sound[np.arange(0, len(sound), RATE / random.uniform(90, 220)).astype(int)] = 1
    for formant, width in [(random.uniform(300, 800), 80), (random.uniform(900, 2200), 100),
                           (2600, 150)]:
        decay = np.exp(-np.pi * width / RATE)
        turn = 2 * decay * np.cos(2 * np.pi * formant / RATE)
        sound = lfilter([1], [1, -turn, decay * decay], sound)
    return 0.5 * sound[4 * CHUNK:5 * CHUNK] / np.abs(sound).max()


@pytest.fixture(scope="module")
def chunks():
    """Vowels and noise in turn, 500 of them."""
    random = np.random.default_rng(0)
    return np.stack([vowel(random) if i % 2 else 0.1 * random.standard_normal(CHUNK)
                     for i in range(500)]).astype(np.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Made by tools/export_model.py from the third party's file."""
    out = tmp_path_factory.mktemp("third_party") / "vad.pt"
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "export_model.py"),
                           "doors.third_party_vad:make", "--input-shape", f"{BATCH},{CHUNK}",
                           "--out", str(out)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "e2e")})
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def reference(chunks):
    """The file itself, by torch.jit.load, in batches of a job; the probability of speech."""
    vad = torch.jit.load(str(third_party_vad.model_path()), map_location="cpu").eval()
    padded = torch.from_numpy(np.concatenate([chunks, chunks[:-len(chunks) % BATCH]]))
    rows = []
    with torch.inference_mode():
        for batch in padded.split(BATCH):
            vad.reset_states()
            rows.append(vad(batch, RATE))
    return torch.cat(rows)[:len(chunks), 0].numpy()


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_silero_as_torch_runs_it(run, exported, chunks, reference, ranks, tmp_path):
    np.save(tmp_path / "chunks.npy", chunks)
    job = run("fod-generate", "--model", exported, "--data", tmp_path / "chunks.npy",
              "--batch-size", BATCH, "--threads", 1, "--out", tmp_path / "r.h5", ranks=ranks)
    assert job.returncode == 0, job.stderr
    assert "output read as probs" in job.stdout
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    with h5py.File(tmp_path / "r.h5") as file:
        rows = file["distributions"][:]
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(chunks)))
        assert not file["row_status"][:].any()
    np.testing.assert_allclose(rows[:, 1], reference, rtol=0, atol=1e-6)
    np.testing.assert_allclose(rows[:, 0], 1 - reference, rtol=0, atol=1e-6)


def test_it_hears_vowels_and_no_noise(reference):
    """The model is the trained one, and the data are not all alike to it."""
    assert reference[1::2].mean() > 0.4
    assert reference[0::2].max() < 0.1


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_file_as_it_is(run, chunks, reference, ranks, tmp_path):
    """The rate is a constant argument, the state is reset, the output is one probability."""
    np.save(tmp_path / "chunks.npy", chunks)
    job = run("fod-generate", "--model", third_party_vad.model_path(), "--data",
              tmp_path / "chunks.npy", "--input", f"data,={RATE}", "--output-mode", "positive",
              "--batch-size", BATCH, "--threads", 1, "--out", tmp_path / "r.h5", ranks=ranks)
    assert job.returncode == 0, job.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_allclose(file["distributions"][:, 1], reference, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(chunks)))


def test_without_the_rate_it_says_what_is_missing(run, chunks, tmp_path):
    np.save(tmp_path / "chunks.npy", chunks)
    job = run("fod-generate", "--model", third_party_vad.model_path(), "--data",
              tmp_path / "chunks.npy", "--out", tmp_path / "r.h5")
    assert job.returncode == 2, job.stdout
    assert "(x, sr)" in job.stderr and "=16000 is a constant argument" in job.stderr
    assert not (tmp_path / "r.h5").exists()
