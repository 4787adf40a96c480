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
