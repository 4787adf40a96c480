"""Folders of images: order, classes, labels, and what is done about images that can not be read."""

import json
import os
import re

import h5py
import numpy as np
import torch
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

import images
import models


@pytest.fixture(scope="session")
def mean_model(tmp_path_factory):
    return models.save(images.Mean(), tmp_path_factory.mktemp("mean") / "mean.pt")


@pytest.fixture
def levels(tmp_path):
    """34 flat images: class k is as bright as class k of the model, but for the last; with odd names
    and links."""
    folder = tmp_path / "levels"
    for k in range(9):
        inside = folder / f"c{k}"
        for name in ("b b.png", "A.PNG", "é.jpg"):
            images.flat(inside / name, 12 + 25 * k)
    for k in (3, 4):  # nested, with names that sort differently as paths than as names
        images.flat(folder / f"c{k}" / "sub" / "z.png", 12 + 25 * k)
        images.flat(folder / f"c{k}" / "sub folder" / "y\n.jpeg", 12 + 25 * k)
    outside = images.flat(tmp_path / "outside" / "deep" / "l.png", 12)
    (folder / "c0" / "linked.png").symlink_to(outside)
    (folder / "c0" / "linked folder").symlink_to(tmp_path / "outside")
    images.flat(tmp_path / "class elsewhere" / "x.png", 12)
    (folder / "z class").symlink_to(tmp_path / "class elsewhere")
    (folder / "c1" / "notes.txt").write_text("no image")
    (folder / "c1" / "sub").mkdir()
    (folder / "c1" / "sub" / "thumbs.db").write_text("no image")
    (folder / "README").write_text("no image")
    return folder


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_labels_and_order(run, mean_model, levels, tmp_path, ranks):
    """--labels FOLDER, the order and the classes are ImageFolder's; the same bytes everywhere."""
    reference = ImageFolder(levels)
    out = tmp_path / "r.h5"
    for folder in (levels, f"{levels}/"):
        job = run("fod-generate", "--model", mean_model, "--data", folder, "--labels", folder,
                  "--batch-size", 4, "--threads", 2, "--out", out, "--overwrite", ranks=ranks)
        assert job.returncode == 0, job.stderr
    with h5py.File(out) as file:
        labels = file["labels"][:]
        names = [name.decode() for name in file["provenance/class_names"][:]]
        prediction = file["uncertainty/prediction"][:]
        accuracy = file["metrics"].attrs["accuracy"]
        rows = file["distributions"][:]
    assert names == reference.classes
    np.testing.assert_array_equal(labels, reference.targets)
    paths = [path for path, _ in reference.samples]
    expected_class = [0 if "z class" in path else label
                      for path, label in zip(paths, reference.targets)]
    np.testing.assert_array_equal(prediction, expected_class)  # shows the order of the samples
    assert accuracy == pytest.approx((len(paths) - 1) / len(paths))
    alone = tmp_path / "alone.h5"
    assert run("fod-generate", "--model", mean_model, "--data", levels, "--batch-size", 4,
               "--threads", 2, "--out", alone, ranks=1).returncode == 0
    with h5py.File(alone) as file:
        assert file["distributions"][:].tobytes() == rows.tobytes()


def test_dry_run_counts_what_is_ignored(run, mean_model, levels, tmp_path):
    job = run("fod-generate", "--model", mean_model, "--data", levels, "--out", tmp_path / "r.h5",
              "--dry-run")
    assert job.returncode == 0, job.stderr
    assert "34 images in 10 classes" in job.stdout and "3 other files ignored" in job.stdout
    assert not (tmp_path / "r.h5").exists()


def refused(run, model, tmp_path, folder, *flags, code=2, ranks=1):
    out = tmp_path / "refused.h5"
    job = run("fod-generate", "--model", model, "--data", folder, "--batch-size", 4, "--out", out,
              "--overwrite", *flags, ranks=ranks)
    assert job.returncode == code, job.stdout + job.stderr
    assert not out.exists()
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate: ")]
    assert len(lines) == 1, job.stderr
    return lines[0]


def test_folders_that_are_refused(run, mean_model, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "without class folders" in refused(run, mean_model, tmp_path, tmp_path / "empty")
    images.flat(tmp_path / "top" / "x.png", 1)
    assert "of unknown class" in refused(run, mean_model, tmp_path, tmp_path / "top")
    (tmp_path / "bare" / "a").mkdir(parents=True)
    (tmp_path / "bare" / "a" / "x.txt").write_text("no image")
    assert "without images" in refused(run, mean_model, tmp_path, tmp_path / "bare")
    images.flat(tmp_path / "one" / "a" / "x.png", 1)
    (tmp_path / "one" / ".ipynb_checkpoints").mkdir()
    assert ".ipynb_checkpoints" in refused(run, mean_model, tmp_path, tmp_path / "one")
    images.flat(tmp_path / "loop" / "a" / "x.png", 1)
    (tmp_path / "loop" / "a" / "again").symlink_to(tmp_path / "loop")
    assert "holds itself" in refused(run, mean_model, tmp_path, tmp_path / "loop",
                                      ranks=2)


def test_options_without_images_are_refused(run, mean_model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 3, 4, 4), np.float32))
    for flags in (["--crop", 4], ["--skip-bad"]):
        assert "no images" in refused(run, mean_model, tmp_path, tmp_path / "x.npy", *flags)
    images.flat(tmp_path / "good" / "a" / "x.png", 1)
    assert "cannot read --resize 4x" in refused(run, mean_model, tmp_path, tmp_path / "good",
                                                "--resize", "4x")


def test_mixed_sizes(run, mean_model, tmp_path):
    """The first other image is named, with the remedy: in block 0 code 2, in the loop code 4."""
    folder = tmp_path / "mixed"
    for i in range(12):
        images.flat(folder / "a" / f"{i:02}.png", 100, (20, 16) if i not in (3, 5) else (16, 20))
    said = refused(run, mean_model, tmp_path, folder, ranks=2)
    assert "a/03.png, sample 3, has 16 x 20 pixels" in said and "20 x 16" in said
    assert "--crop" in said and "--resize HxW" in said
    said = refused(run, mean_model, tmp_path, folder, "--resize", 8)
    assert "scaled to 8 x 10 pixels" in said and "--crop" in said
    for i in (3, 5):
        images.flat(folder / "a" / f"{i:02}.png", 100)
    images.flat(folder / "a" / "09.png", 100, (21, 16))
    assert "a/09.png, sample 9" in refused(run, mean_model, tmp_path, folder, code=4)
    job = run("fod-generate", "--model", mean_model, "--data", folder, "--crop", 10, "--out",
              tmp_path / "r.h5")
    assert job.returncode == 0, job.stderr


def damaged(folder, at):
    """40 images of which some can not be read; their paths and the reasons."""
    whole = images.flat(folder / "a" / "00.jpg", 112).read_bytes()
    big = images.textured(folder.parent / "big.jpg")
    for i in range(40):
        images.flat(folder / "a" / f"{i:02}.jpg", 112)
    bad = {at: big[:len(big) // 2], at + 1: b"", at + 2: b"GIF89a no image", at + 3: whole[:20]}
    for i, content in bad.items():
        (folder / "a" / f"{i:02}.jpg").write_bytes(content)
    (folder / "a" / f"{at + 4:02}.jpg").unlink()
    (folder / "a" / f"{at + 4:02}.jpg").symlink_to("nowhere.jpg")
    return [at, at + 1, at + 2, at + 3, at + 4]


@pytest.mark.parametrize("at,ranks", [(0, 2), (1, 1), (17, 1), (17, 2), (35, 3)])
def test_damaged_images(run, mean_model, tmp_path, at, ranks):
    """Named with path, sample and reason: code 2 in block 0, 4 in the loop; or marked."""
    folder = tmp_path / "bad"
    bad = damaged(folder, at)
    said = refused(run, mean_model, tmp_path, folder, code=2 if at < 4 else 4, ranks=ranks)
    if ranks == 1 or at < 4:
        assert f"a/{at:02}.jpg, sample {at} " in said and "libjpeg: Premature end" in said
    assert "--skip-bad" in said and "/a/" in said

    out = tmp_path / "r.h5"
    flags = ["--model", mean_model, "--data", folder, "--labels", folder, "--batch-size", 4,
             "--skip-bad", "--out", out]
    if at == 0:  # block 0 has nothing that can be read: what the output is must be said
        unknown = run("fod-generate", *flags, ranks=ranks)
        assert unknown.returncode == 2 and "no sample of block 0 can be read" in unknown.stderr
        flags += ["--output-mode", "logits"]
    job = run("fod-generate", *flags, ranks=ranks)
    assert job.returncode == 0, job.stderr
    assert "unreadable_rows 5" in job.stdout
    assert f"sample {at} (" in job.stdout and f"a/{at + 4:02}.jpg" in job.stdout
    good = np.setdiff1d(np.arange(40), bad)
    with h5py.File(out) as file:
        status = file["row_status"][:]
        np.testing.assert_array_equal(status[bad], 2)
        assert (status[good] == 0).all()
        assert np.isnan(file["distributions"][:][bad]).all()
        assert np.isfinite(file["distributions"][:][good]).all()
        for name in ("entropy", "confidence"):
            assert np.isnan(file[f"uncertainty/{name}"][:][bad]).all()
        assert (file["uncertainty/prediction"][:][bad] == -1).all()
        assert (file["uncertainty/prediction"][:][good] == 4).all()
        metrics = dict(file["metrics"].attrs)
        entropy = file["uncertainty/entropy"][:][good].astype(np.float64).mean()
        assert file["metrics/class_counts"][:].sum() == 35
    assert metrics["unreadable_rows"] == 5 and metrics["nonfinite_rows"] == 0
    assert metrics["accuracy"] == 0 and metrics["mean_entropy"] == pytest.approx(entropy)
    assert run("fod", "verify", out, ranks=None).returncode == 0
    assert re.search(r"^ *unreadable rows +5$", run("fod", "info", out, ranks=None).stdout, re.M)
    known = json.loads(run("fod", "info", out, "--json", ranks=None).stdout)
    assert known["metrics"]["unreadable_rows"] == 5


def test_broken_pngs(run, mean_model, tmp_path):
    """Cut off anywhere, or with a byte changed in the pixels: refused with libpng's reason."""
    folder = tmp_path / "png"
    image = folder / "a" / "x.png"
    image.parent.mkdir(parents=True)
    Image.fromarray(images.noise()).save(image)
    whole = image.read_bytes()
    for content in (whole[:-5], whole[:200], whole[:30], whole[:8]):
        image.write_bytes(content)
        assert "libpng: the file ends too early" in refused(run, mean_model, tmp_path, folder)
    changed = bytearray(whole)
    changed[whole.index(b"IDAT") + 40] ^= 0xff
    image.write_bytes(changed)
    assert "libpng: " in refused(run, mean_model, tmp_path, folder)


def test_mutated_images_are_marked_or_read(run, mean_model, tmp_path):
    """Nothing that a file holds ends the job otherwise."""
    folder = tmp_path / "mutated"
    random = np.random.default_rng(0)
    jpeg = images.textured(folder / "a" / "000.jpg")
    Image.fromarray(images.noise(16, 20)).quantize(16).save(folder / "a" / "001.png")
    png = (folder / "a" / "001.png").read_bytes()
    for i in range(2, 400):
        content = bytearray(jpeg if i % 2 == 0 else png)
        for _ in range(random.integers(1, 6)):
            content[random.integers(8, len(content))] = random.integers(0, 256)
        (folder / "a" / f"{i:03}.jpg").write_bytes(content[:random.integers(20, 2 * len(content))])
    out = tmp_path / "r.h5"
    job = run("fod-generate", "--model", mean_model, "--data", folder, "--resize", 9, "--crop", 10,
              "--skip-bad", "--threads", 2, "--out", out, timeout=60)
    assert job.returncode == 0, job.stderr
    assert run("fod", "verify", out, ranks=None).returncode == 0
    with h5py.File(out) as file:
        status = file["row_status"][:]
    assert status[0] == status[1] == 0
    assert set(status) == {0, 2} and 0.1 < (status == 2).mean() < 1


def test_all_images_damaged(run, mean_model, tmp_path):
    folder = tmp_path / "all"
    (folder / "a").mkdir(parents=True)
    for i in range(5):
        (folder / "a" / f"{i}.png").write_bytes(b"")
    said = refused(run, mean_model, tmp_path, folder, "--skip-bad")
    assert "no image in" in said and "can be read" in said
    os.mkfifo(folder / "a" / "0.jpg")  # must not be waited for
    assert "no regular file" in refused(run, mean_model, tmp_path, folder)


def test_concat_forwards_what_is_unreadable(run, mean_model, tmp_path):
    """Two folders as six channels: a sample counts as unreadable if either image is."""
    for name, missing in (("left", 2), ("right", 4)):
        for i in range(6):
            images.flat(tmp_path / name / "a" / f"{i}.png", 40 * i, (4, 4))
        (tmp_path / name / "a" / f"{missing}.png").write_bytes(b"broken")
    out = tmp_path / "r.h5"
    job = run("fod-generate", "--model", mean_model, "--data", f"l={tmp_path / 'left'}", "--data",
              f"r={tmp_path / 'right'}", "--concat", "l,r", "--skip-bad", "--batch-size", 2,
              "--out", out, ranks=2)
    assert job.returncode == 0, job.stderr
    with h5py.File(out) as file:
        np.testing.assert_array_equal(file["row_status"][:], [0, 0, 2, 0, 2, 0])
        assert file["distributions"].shape == (6, 10)
        assert [name.decode() for name in file["provenance/class_names"][:]] == ["a"]


def test_unreadable_samples_of_an_ensemble(run, mean_model, tmp_path):
    """What members say of zeros is in no section of the file."""
    for i in range(6):
        images.flat(tmp_path / "x" / "a" / f"{i}.png", 40 * i, (4, 4))
    (tmp_path / "x" / "a" / "3.png").write_bytes(b"broken")
    out = tmp_path / "r.h5"
    job = run("fod-generate", "--model", mean_model, "--model", mean_model, "--data",
              tmp_path / "x", "--skip-bad", "--batch-size", 2, "--keep-members", "--keep-logits",
              "--out", out, ranks=2)
    assert job.returncode == 0, job.stderr
    assert run("fod", "verify", out, ranks=None).returncode == 0
    with h5py.File(out) as file:
        for name in ("distributions", "members", "logits", "uncertainty/entropy",
                     "uncertainty/aleatoric", "uncertainty/epistemic", "uncertainty/disagreement"):
            bad = np.isnan(file[name][:].reshape(6, -1))
            assert bad[3].all() and not np.delete(bad, 3, axis=0).any(), name
        assert file["metrics"].attrs["unreadable_rows"] == 1
        assert file["metrics"].attrs["mean_disagreement"] == 0


class Normed(torch.nn.Module):
    """Probabilities, but none of an image of zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        v = x.flatten(1)[:, :3]
        return v / (v.sum(1, keepdim=True) + 1e-9)


def test_an_unreadable_image_says_nothing_about_the_output(run, tmp_path):
    for i in range(6):
        images.flat(tmp_path / "x" / "a" / f"{i}.png", 40 * i + 10, (4, 4))
    (tmp_path / "x" / "a" / "3.png").write_bytes(b"broken")
    torch.jit.script(Normed()).save(str(tmp_path / "m.pt"))
    out = tmp_path / "r.h5"
    job = run("fod-generate", "--model", tmp_path / "m.pt", "--data", tmp_path / "x", "--skip-bad",
              "--out", out)
    assert job.returncode == 0, job.stderr
    assert "output read as probs" in job.stdout
    with h5py.File(out) as file:
        assert list(file["row_status"][:]) == [0, 0, 0, 2, 0, 0]
        np.testing.assert_allclose(file["distributions"][0], 1 / 3, atol=1e-6)
