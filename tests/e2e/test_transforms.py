"""--transform, against NumPy."""

import h5py
import numpy as np
import pytest

import models


def smooth(p, amount):
    return (1 - amount) * p + amount / p.shape[1]


def topk(p, count):
    """The largest, the lower class among equals."""
    order = np.argsort(-p, axis=1, kind="stable")[:, :count]
    kept = np.zeros_like(p)
    np.put_along_axis(kept, order, np.take_along_axis(p, order, axis=1), axis=1)
    return kept / kept.sum(axis=1, keepdims=True)


CHAINS = {
    "none": ([], lambda z: models.softmax(z)),
    "temperature": (["temperature=2.5"], lambda z: models.softmax(z / 2.5)),
    "two temperatures": (["temperature=2", "temperature=0.5"], lambda z: models.softmax(z)),
    "smooth": (["smooth=0.1"], lambda z: smooth(models.softmax(z), 0.1)),
    "all smooth": (["smooth=1"], lambda z: np.full(z.shape, 1 / z.shape[1])),
    "top 1": (["topk=1"], lambda z: topk(models.softmax(z), 1)),
    "top 3": (["topk=3"], lambda z: topk(models.softmax(z), 3)),
    "more than all": (["topk=100"], lambda z: models.softmax(z)),
    "order": (["temperature=3", "topk=4", "smooth=0.2"],
              lambda z: smooth(topk(models.softmax(z / 3), 4), 0.2)),
    "other order": (["temperature=3", "smooth=0.2", "topk=4"],
                    lambda z: topk(smooth(models.softmax(z / 3), 0.2), 4)),
}


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """Logits of a GPU differ by more than what is asserted here; test_gpu.py has its transforms."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transforms")
    models.save(models.Linear(), folder / "m.pt")
    models.data(folder / "x.npy", (200, 67))
    return folder


@pytest.mark.parametrize("chain", CHAINS)
def test_chain(run, folder, tmp_path, chain):
    steps, reference = CHAINS[chain]
    words = [word for step in steps for word in ("--transform", step)]
    job = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
              tmp_path / "r.h5", *words, ranks=2)
    assert job.returncode == 0, job.stderr
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    logits = models.forward(folder / "m.pt", np.load(folder / "x.npy")).double().numpy()
    expected = reference(logits)
    with h5py.File(tmp_path / "r.h5") as file:
        rows = file["distributions"][:]
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)
        entropy = -np.sum(np.where(expected > 0, expected * np.log(np.maximum(expected, 1e-300)), 0), 1)
        np.testing.assert_allclose(file["uncertainty/entropy"][:], entropy, atol=1e-5)
        np.testing.assert_array_equal(file["uncertainty/confidence"][:], rows.max(axis=1))
        recorded = file["provenance"]
        if steps:
            assert [step.decode() for step in recorded["transforms"][:]] == steps


def sharpen(p):
    return p**2 / (p**2).sum(axis=1, keepdims=True)


OWN_STEPS = '''
import numpy as np

def sharpen(p):
    return p**2 / (p**2).sum(axis=1, keepdims=True)

def in_place(p):
    p[:] = np.sqrt(p)
    p /= p.sum(axis=1, keepdims=True)

class Mix:
    def __init__(self):
        self.share = 0.25
    def __call__(self, p):
        return (1 - self.share) * p + self.share / p.shape[1]

def twice(p):
    return 2 * p

def shorter(p):
    return p[:, 1:]

def fails(p):
    raise ValueError("not these rows")

three = 3
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The folder of a module with steps of a user's own, as environment."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_steps.py").write_text(OWN_STEPS)
    return {"PYTHONPATH": str(folder)}


def root(p):
    return np.sqrt(p) / np.sqrt(p).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("steps, reference", [
    (["python:own_steps:sharpen"], sharpen),
    (["plugin:libfod_example_transform.so"], sharpen),
    (["python:own_steps:in_place", "topk=3", "python:own_steps:Mix"],
     lambda p: 0.75 * topk(root(p), 3) + 0.25 / p.shape[1]),
    (["smooth=0.1", "plugin:libfod_example_transform.so", "smooth=0.2"],
     lambda p: smooth(sharpen(smooth(p, 0.1)), 0.2)),
])
def test_steps_of_a_users_own(run, build, folder, own, tmp_path, steps, reference):
    steps = [step.replace("plugin:", f"plugin:{build}/tests/plugins/") for step in steps]
    words = [word for step in steps for word in ("--transform", step)]
    rows = []
    for ranks in (1, 2, 3):
        out = tmp_path / f"{ranks}.h5"
        job = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
                  out, *words, "--threads", 1, ranks=ranks, env=own)
        assert job.returncode == 0, job.stderr
        with h5py.File(out) as file:
            rows.append(file["distributions"][:])
            entropy = file["uncertainty/entropy"][:]
            assert [step.decode() for step in file["provenance/transforms"][:]] == steps
    logits = models.forward(folder / "m.pt", np.load(folder / "x.npy")).double().numpy()
    expected = reference(models.softmax(logits))
    np.testing.assert_allclose(rows[0], expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(
        entropy, -np.sum(np.where(expected > 0, expected * np.log(np.maximum(expected, 1e-300)), 0),
                         1), atol=1e-5)
    assert rows[0].tobytes() == rows[1].tobytes() == rows[2].tobytes()


@pytest.mark.parametrize("step, code, words", [
    ("python:own_steps:twice", 4, ["has no distribution any more", "progress is kept"]),
    ("python:own_steps:shorter", 4, ["returned shape (64, 10)", "it got (64, 11)"]),
    ("python:own_steps:fails", 4, ["ValueError", "not these rows", "samples 0 to 64"]),
    ("python:own_steps:three", 2, ["is no transform"]),
    ("python:own_steps:sharpn", 2, ["sharpen"]),
    ("python:no_such_module:f", 2, ["no_such_module"]),
    ("plugin:no_such_library.so", 2, ["no_such_library.so"]),
])
@pytest.mark.parametrize("ranks", [1, 2])
def test_bad_steps(run, folder, own, tmp_path, step, code, words, ranks):
    out = tmp_path / "r.h5"
    job = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out", out,
              "--transform", step, ranks=ranks, env=own)
    assert job.returncode == code, job.stderr
    assert all(word in job.stderr for word in words), job.stderr
    assert job.stderr.count("fod-generate:") == 1
    assert not out.exists()
