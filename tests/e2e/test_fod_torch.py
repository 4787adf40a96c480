"""tools/fod_torch.py: training in PyTorch on a result file, in the words of the older guides."""

import json
import multiprocessing
import pickle
import re
import subprocess
import sys
import warnings

import h5py
import models
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, h5rows
from program import fod
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

sys.path.insert(0, str(ROOT / "tools"))
from fod_torch import (Distributions, FirstOrderDataset, load_distributions,  # noqa: E402
                       output_dataloader, output_fo_dataloader)

SAMPLES, FEATURES, CLASSES = 300, 6, 4


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        return self.fc(x)


@pytest.fixture(scope="module")
def job(run, tmp_path_factory):
    """A result of fod-generate, its data, and its JSON form."""
    folder = tmp_path_factory.mktemp("job")
    x = models.data(folder / "x.npy", (SAMPLES, FEATURES))
    models.save(Net(), folder / "m.pt", 3)
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
               folder / "r.h5", "--model-name", "net", "--meta", "dataset=x", "--threads", 1, ranks=2)
    assert done.returncode == 0, done.stderr
    assert fod("export", folder / "r.h5", folder / "r.json").returncode == 0
    labels = torch.arange(SAMPLES) % CLASSES
    return folder, TensorDataset(torch.from_numpy(x), labels)


@pytest.fixture(params=["r.h5", "r.json"])
def loaded(job, request):
    folder, base = job
    return *load_distributions(folder / request.param), base, h5rows(folder / "r.h5")


def test_a_mapping_of_lists_with_meta(loaded):
    distributions, meta, _, expected = loaded
    assert meta == {"model_name": "net", "dataset": "x"}
    assert len(distributions) == SAMPLES and list(distributions) == list(range(SAMPLES))
    assert distributions[7] == expected[7].tolist() and distributions.num_classes == CLASSES
    assert {k: v for k, v in distributions.items()} == dict(enumerate(expected.tolist()))
    assert 0 in distributions and SAMPLES not in distributions and -1 not in distributions
    assert distributions.get(SAMPLES) is None and "0" not in distributions
    tensor = distributions.tensor(7)
    assert tensor.dtype == torch.float32 and torch.equal(tensor, torch.from_numpy(expected[7]))
    json.dumps(distributions[7])  # plain floats


def test_samples_with_and_without_labels(loaded):
    distributions, _, base, expected = loaded
    dataset = FirstOrderDataset(base, distributions)
    assert len(dataset) == SAMPLES
    for i in (0, 41, SAMPLES - 1, -1):
        inputs, label, target = dataset[i]
        assert torch.equal(inputs, base[i][0]) and label == base[i][1]
        assert torch.equal(target, torch.from_numpy(expected[i]))
    only_inputs = [base[i][0] for i in range(SAMPLES)]
    inputs, target = FirstOrderDataset(only_inputs, distributions)[5]
    assert torch.equal(inputs, only_inputs[5]) and torch.equal(target,
                                                               torch.from_numpy(expected[5]))
    one = FirstOrderDataset([(x,) for x in only_inputs], distributions)[5]
    assert len(one) == 2 and torch.equal(one[0], only_inputs[5])


def test_input_getter_takes_the_input_of_any_sample(loaded):
    distributions, _, base, _ = loaded
    nested = [{"image": base[i][0], "id": str(i)} for i in range(SAMPLES)]
    inputs, target = FirstOrderDataset(nested, distributions, lambda s: s["image"])[9]
    assert torch.equal(inputs, base[9][0]) and target.shape == (CLASSES,)
    doubled, label, _ = FirstOrderDataset(base, distributions, lambda s: s[0] * 2)[9]
    assert torch.equal(doubled, base[9][0] * 2) and label == base[9][1]


# The training loop of the older guides: nothing but the import was changed.
def train(train_set, teacher_dists, device="cpu", num_epochs=3):
    torch.manual_seed(0)
    student_loader = output_dataloader(
        train_set,
        teacher_dists,
        batch_size=64,
        shuffle=True,
        num_workers=2,
        pin_memory=False,
    )
    student_model = Net()
    optimizer = torch.optim.Adam(student_model.parameters(), lr=0.1)
    losses = []
    for epoch in range(num_epochs):
        total = 0.0
        for inputs, labels, teacher_probs in student_loader:
            inputs = inputs.to(device)
            teacher_probs = teacher_probs.to(device)
            optimizer.zero_grad()
            student_logits = student_model(inputs)
            loss = F.kl_div(F.log_softmax(student_logits, dim=-1), teacher_probs,
                            reduction="batchmean")
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(inputs)
        losses.append(total / len(train_set))
    return losses


def test_the_older_training_loop(loaded):
    distributions, _, base, expected = loaded
    losses = train(base, distributions)
    assert losses[-1] < losses[0] / 2
    assert losses == train(base, dict(enumerate(expected.tolist())))  # as from the older dict
    assert output_fo_dataloader is output_dataloader


def rows_by_input(loader):
    return {tuple(x.tolist()): row for inputs, _, rows in loader for x, row in zip(inputs, rows)}


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffling_and_workers_keep_rows_with_samples(loaded, workers):
    distributions, _, base, expected = loaded
    generator = torch.Generator().manual_seed(1)
    found = rows_by_input(output_dataloader(base, distributions, shuffle=True, batch_size=7,
                                            num_workers=workers, generator=generator))
    assert len(found) == SAMPLES
    for i in range(SAMPLES):
        assert torch.equal(found[tuple(base[i][0].tolist())], torch.from_numpy(expected[i]))


def test_spawned_workers_reopen_the_file(loaded):
    distributions, _, base, expected = loaded
    distributions[0]  # so that there is something that must not pass over
    loader = output_dataloader(base, distributions, num_workers=1,
                               multiprocessing_context=multiprocessing.get_context("spawn"))
    assert torch.equal(torch.cat([rows for _, _, rows in loader]), torch.from_numpy(expected))


def test_a_copy_of_a_file_of_rows_is_small(job):
    distributions, _ = load_distributions(job[0] / "r.h5")
    distributions[0]
    assert len(pickle.dumps(distributions.rows)) < 1000
    assert isinstance(distributions.rows._rows, np.memmap)  # nothing was read but what is asked for


def test_subsets(loaded):
    distributions, _, base, expected = loaded
    part = Subset(FirstOrderDataset(base, distributions), [3, 1, 2])
    found = torch.cat([rows for _, _, rows in DataLoader(part)])
    assert torch.equal(found, torch.from_numpy(expected[[3, 1, 2]]))


def test_a_count_that_differs_warns_in_the_known_words(loaded):
    distributions, _, base, _ = loaded
    with pytest.warns(UserWarning, match=r"^\[FirstOrderDataset\] distributions count 300 does not "
                                         r"match dataset length 299\.$"):
        FirstOrderDataset(Subset(base, range(SAMPLES - 1)), distributions)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FirstOrderDataset(base, distributions)


def test_a_sample_without_distribution_is_named(loaded):
    distributions, _, base, expected = loaded
    longer = TensorDataset(torch.zeros(SAMPLES + 2, FEATURES))
    with pytest.warns(UserWarning):
        dataset = FirstOrderDataset(longer, distributions)
    with pytest.raises(KeyError, match=f"No distribution for index {SAMPLES}."):
        dataset[SAMPLES]
    with pytest.warns(UserWarning):
        dataset = FirstOrderDataset(base, {0: expected[0].tolist()})
    assert torch.equal(dataset[0][2], torch.from_numpy(expected[0]))
    with pytest.raises(KeyError, match="No distribution for index 1."):
        dataset[1]
    for index in (SAMPLES, -SAMPLES - 1):
        with pytest.raises(IndexError, match=f"sample {index} of {SAMPLES}"):
            dataset[index]


@pytest.mark.parametrize("ids", [[10, 11, 12], [2, 5, 9], [9, 2, 5]])
def test_ids_of_any_kind(tmp_path, ids):
    rows = [[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]]
    document = {"meta": {}, "distributions": {str(i): row for i, row in zip(ids, rows)}}
    (tmp_path / "in.json").write_text(json.dumps(document))
    assert fod("import", tmp_path / "in.json", tmp_path / "r.h5").returncode == 0
    for path in (tmp_path / "in.json", tmp_path / "r.h5"):
        distributions, _ = load_distributions(path)
        assert list(distributions) == ids
        assert {i: distributions[i] for i in ids} == dict(zip(ids, rows))
        for missing in (0, 3, 13, -1):
            assert missing not in distributions
            with pytest.raises(KeyError):
                distributions[missing]


def result(path, rows, status=None, **attributes):
    """A file of another program, with the objects that are read."""
    with h5py.File(path, "w") as file:
        file["distributions"] = rows
        file["sample_ids"] = np.arange(len(rows))
        file["row_status"] = np.zeros(len(rows), np.uint8) if status is None else status
        file["meta"] = "{}"
        file.attrs.update({"complete": 1, **attributes})
    return path


def test_unreadable_samples_have_no_distribution(tmp_path):
    rows = np.array([[0.5, 0.5], [0, 0], [0.25, 0.75]], np.float32)
    path = result(tmp_path / "r.h5", rows, np.array([0, 2, 0], np.uint8))
    distributions, _ = load_distributions(path)
    assert list(distributions) == [0, 2] and distributions[2] == [0.25, 0.75]
    with pytest.raises(KeyError, match="No distribution for index 1."):
        distributions[1]


def test_rows_that_are_not_finite_are_told_of(tmp_path):
    rows = np.array([[0.5, 0.5], [np.nan, np.nan]], np.float32)
    path = result(tmp_path / "r.h5", rows, np.array([0, 1], np.uint8))
    with pytest.warns(UserWarning, match="1 distributions are not finite, the first that of sample 1"):
        load_distributions(path)


def test_chunked_float64_and_empty_files(tmp_path):
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 10)
    path = result(tmp_path / "r.h5", rows)
    with h5py.File(path, "a") as file:
        del file["distributions"]
        file.create_dataset("distributions", data=rows, chunks=(4, 3), compression="gzip")
    distributions, _ = load_distributions(path)
    assert distributions[3] == rows[3].tolist() and distributions.tensor(3).dtype == torch.float32
    empty, _ = load_distributions(result(tmp_path / "e.h5", np.zeros((0, 0), np.float32)))
    assert len(empty) == 0 and 0 not in empty and list(empty) == []
    (tmp_path / "e.json").write_text('{"meta": null, "distributions": {}}')
    empty, meta = load_distributions(tmp_path / "e.json")
    assert len(empty) == 0 and meta == {}


@pytest.mark.parametrize(("name", "text", "error", "words"), [
    ("missing.h5", None, FileNotFoundError, "does not exist"),
    ("text.h5", "no", ValueError, "is no HDF5 file"),
    ("cut.json", '{"meta": {}, "distrib', ValueError, "is not JSON of distributions"),
    ("other.json", '{"a": 1}', ValueError, "is not JSON of distributions"),
    ("list.json", "[1]", ValueError, "is not JSON of distributions"),
    ("key.json", '{"distributions": {"x": [1.0]}}', ValueError, "is not JSON of distributions"),
    ("ragged.json", '{"distributions": {"0": [1.0], "1": [0.5, 0.5]}}', ValueError,
     "sample 1 is no list of 1 numbers"),
    ("null.json", '{"distributions": {"0": [0.5, "a"]}}', ValueError, "holds what is no number"),
    ("twice.json", '{"distributions": {"1": [1.0], "01": [1.0]}}', ValueError,
     "sample 1 has two distributions"),
])
def test_bad_files(tmp_path, name, text, error, words):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=words):
        load_distributions(path)


def test_incomplete_and_foreign_files(tmp_path):
    path = result(tmp_path / "r.h5", np.ones((2, 1), np.float32), complete=0)
    with pytest.raises(ValueError, match="is not complete.*--resume"):
        load_distributions(path)
    path.rename(tmp_path / "x.h5.partial")
    with pytest.raises(FileNotFoundError, match=r"x\.h5\.partial is there.*--resume"):
        load_distributions(tmp_path / "x.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(ValueError, match="holds no distributions"):
        load_distributions(tmp_path / "other.h5")


def test_what_is_no_mapping_is_refused(job):
    with pytest.raises(TypeError, match="give what load_distributions"):
        FirstOrderDataset(job[1], str(job[0] / "r.h5"))
    assert isinstance(load_distributions(job[0] / "r.h5")[0], Distributions)


def test_nothing_else_is_needed(job):
    """h5py, NumPy and PyTorch alone: no other module of these tools, nothing compiled."""
    code = (f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import fod_torch; "
            f"d, m = fod_torch.load_distributions({str(job[0] / 'r.h5')!r}); print(len(d)); "
            "assert not any(name.startswith('fod_report') for name in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == f"{SAMPLES}\n", done.stderr


def test_the_readmes_lines(job, monkeypatch):
    folder, base = job
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Training on distributions\n")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    monkeypatch.chdir(folder)
    (folder / "tools").symlink_to(ROOT / "tools")
    names = {"torch": torch, "train_set": base, "student": Net()}
    exec(code, names)
    assert names["loss"].requires_grad and names["meta"]["model_name"] == "net"


class Streamed(Dataset):
    """Items as lists, as some datasets give them."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return [torch.full((2,), float(i)), i, "extra"]


def test_list_samples_with_more_than_a_label():
    dataset = FirstOrderDataset(Streamed(), {i: [0.5, 0.5] for i in range(3)})
    inputs, label, target = dataset[2]
    assert torch.equal(inputs, torch.full((2,), 2.0)) and label == 2 and target.tolist() == [0.5, 0.5]
