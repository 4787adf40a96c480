"""What every layer of many models gives inside of fod's forward, against PyTorch's own hooks: as
TorchScript (scripted and traced) and in Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tap_models
from taps import dump, hooked, load, rows_channels_positions

FORMS = ("script", "trace", "python")
# A trace has its control flow resolved; what it is called with twice has no order of its own.
NOT_TRACED = {"flow"}
# In Python and TorchScript, a fused path computes these without calling what is inside.
FAST_PATH = {"encoder", "encoder_time_first"}


CASES = [(name, form) for name in tap_models.SHAPES for form in FORMS
         if not (form == "trace" and name in NOT_TRACED)]


@pytest.fixture(scope="module")
def dumped(tmp_path_factory, build):
    """All models in all forms through one process."""
    folder = tmp_path_factory.mktemp("taps")
    jobs = []
    for name in tap_models.SHAPES:
        model = getattr(tap_models, name)()
        batch = tap_models.sample_batch(name)
        np.save(folder / f"{name}.npy", batch.numpy())
        torch.jit.script(model).save(str(folder / f"{name}-script.pt"))
        batch = batch.double() if name == "double" else batch
        if (name, "trace") in CASES:
            with torch.no_grad():
                traced = torch.jit.trace(model, batch, check_trace=False)
            traced.save(str(folder / f"{name}-trace.pt"))
        for form in (form for form in FORMS if (name, form) in CASES):
            spec = f"python:tap_models:{name}" if form == "python" else folder / f"{name}-{form}.pt"
            jobs.append((spec, folder / f"{name}.npy", folder / f"{name}-{form}"))
    mlp = torch.jit.script(tap_models.mlp())
    torch.jit.freeze(mlp).save(str(folder / "frozen.pt"))
    torch.jit.script(tap_models.dispatch()).save(str(folder / "dispatch.pt"))
    for name, spec in {"frozen": folder / "frozen.pt", "plain": "python:tap_models:plain",
                       "scripted": "python:tap_models:scripted",
                       "scripted_part": "python:tap_models:scripted_part",
                       "dispatch": folder / "dispatch.pt", "wrapped": "python:tap_models:wrapped",
                       "compiled": "python:tap_models:compiled"}.items():
        jobs.append((spec, folder / "mlp.npy", folder / name))
    dump(build, folder, jobs)
    return folder


def layers_of(dumped, name, form):
    folder = dumped / f"{name}-{form}"
    error = folder / "error.txt"
    assert not error.exists(), error.read_text()
    return load(folder)


@pytest.mark.parametrize("name,form", CASES)
def test_values_are_those_of_hooks(dumped, name, form):
    layers = layers_of(dumped, name, form)
    expected = hooked(getattr(tap_models, name)(), tap_models.sample_batch(name))
    ran = [layer for layer in layers if layer.calls]
    if name in FAST_PATH and form != "python":
        expected = [call for call in expected if call[0] in {layer.name for layer in ran}]
    names = [call[0] for call in expected]
    if (name, form) == ("twice", "script"):  # torch.jit.script makes two modules of a shared one
        assert names == ["fc", "fc#1", "fc#2", "head"]
        names = ["fc", "same", "fc#1", "head"]
    assert [layer.name for layer in ran] == names
    for layer, (_, tensor, kind) in zip(ran, expected, strict=True):
        assert layer.type == kind
        if layer.problem:
            assert tensor is None or not tensor.is_floating_point(), layer
            continue
        assert layer.shape == tuple(tensor.shape)
        assert tensor.shape[layer.batch] == tap_models.BATCH
        values = rows_channels_positions(tensor, layer)
        if name in FAST_PATH:
            np.testing.assert_allclose(layer.values, values, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(layer.values, values)


@pytest.mark.parametrize("name,form", CASES)
def test_taps_change_no_output(dumped, name, form):
    folder = dumped / f"{name}-{form}"
    layers_of(dumped, name, form)
    plain, tapped = np.load(folder / "plain.npy"), np.load(folder / "tapped.npy")
    if name in FAST_PATH and form == "python":  # hooks switch the fused path off
        np.testing.assert_allclose(tapped, plain, rtol=1e-5, atol=1e-6)
    else:
        assert plain.tobytes() == tapped.tobytes()


def test_layers_that_are_not_called_are_listed(dumped):
    problems = {layer.name: layer.problem for layer in layers_of(dumped, "loop", "script")}
    assert problems.pop("unused") == "it is not called in the forward"
    assert problems.pop("layers") == problems.pop("acts") == "it is not called in the forward"
    assert set(problems.values()) == {""}
    assert list(problems) == ["layers.0", "acts.relu", "layers.1", "acts.relu#1", "layers.2",
                              "acts.relu#2", "head"]


def test_layers_inside_of_fused_operations_are_said_to_be_so(dumped):
    problems = {layer.name: layer.problem for layer in layers_of(dumped, "encoder", "script")}
    assert problems["encoder.layers.1.linear2"] == (
        "it is not called in the forward: encoder.layers.1, a TransformerEncoderLayer, computes it "
        "in a fused operation")
    assert problems["encoder.layers"] == "it is not called in the forward"


@pytest.mark.parametrize("form", ["script", "python"])
def test_outputs_that_cannot_be_looked_at_say_why(dumped, form):
    layers = {layer.name: layer for layer in layers_of(dumped, "flow", form)}
    assert layers["whole"].problem == "its output holds no tensor"
    assert layers["argmax"].problem.startswith("its output holds ")
    assert "no floating point numbers" in layers["argmax"].problem
    assert layers["other"].problem == "it is not called in the forward"
    assert [layers[name].calls for name in ("step", "step#1", "step#2", "inner.layer#1")] == \
        [3, 3, 3, 2]


def test_a_shared_module_is_known_by_all_its_names(dumped):
    layers = layers_of(dumped, "twice", "python")
    assert [(layer.name, layer.aliases) for layer in layers] == [
        ("fc", ["same"]), ("fc#1", ["same#1"]), ("fc#2", ["same#2"]), ("head", [])]


# Batch and channel extents that are known from the models, not from the program.
EXTENTS = {
    "cnn": {"stem": (0, 1), "blocks.0.relu#1": (0, 1), "blocks.1": (0, 1), "blocks": (0, 1),
            "pool": (0, 1), "drop": (0, 1), "fc": (0, 1)},
    "volume": {"conv": (0, 1), "norm": (0, 1), "act": (0, 1)},
    "signal": {"conv": (0, 1), "norm": (0, 1), "act": (0, 1), "pool": (0, 1)},
    "lstm": {"rnn": (0, 2), "act": (0, 2), "head": (0, 2)},
    "lstm_time_first": {"rnn": (1, 2), "act": (1, 2), "head": (1, 2)},
    "gru_both": {"rnn": (1, 2), "head": (1, 2)},
    "encoder": {"table": (0, 2), "encoder.layers.0": (0, 2), "encoder": (0, 2), "norm": (0, 2)},
    "encoder_time_first": {"table": (1, 2), "encoder.layers.1": (1, 2), "encoder": (1, 2)},
    "attention": {"table": (0, 2), "attention": (0, 2), "head": (0, 1)},
    "last": {"patch": (0, 1), "norm": (0, 3), "mix.0": (0, 3), "mix.1": (0, 3), "mix": (0, 3)},
}


@pytest.mark.parametrize("name,form", [case for case in CASES if case[0] in EXTENTS])
def test_batch_and_channels_are_told_apart(dumped, name, form):
    layers = {layer.name: layer for layer in layers_of(dumped, name, form)}
    for layer, extents in EXTENTS[name].items():
        assert (layers[layer].batch, layers[layer].channel) == extents, layer


@pytest.mark.parametrize("name", ["wrapped", "compiled"])
def test_wrappers_are_looked_through(dumped, name):
    layers = load(dumped / name)
    prefix = "module." if name == "wrapped" else ""
    layers = [layer for layer in layers if layer.name != "module"]
    assert [layer.name for layer in layers] == [prefix + str(i) for i in range(4)]
    for own, expected in zip(layers, load(dumped / "mlp-python"), strict=True):
        np.testing.assert_allclose(own.values, expected.values, rtol=1e-6)


def test_models_that_do_not_show_their_layers_are_refused(dumped):
    frozen = (dumped / "frozen" / "error.txt").read_text()
    assert "the model was frozen, which inlines its layers" in frozen
    assert "export it unfrozen" in frozen
    plain = (dumped / "plain" / "error.txt").read_text()
    assert "layers of the model python:tap_models:plain cannot be seen (it is a callable)" in plain
    assert "give the nn.Module itself" in plain
    scripted = (dumped / "scripted" / "error.txt").read_text()
    assert "it is a ScriptModule, which Python cannot look into" in scripted
    assert "give the file" in scripted


def test_parts_that_cannot_be_looked_into_are_said_to_be_so(dumped):
    layers = {layer.name: layer for layer in load(dumped / "scripted_part")}
    assert layers["1"].problem == "" and layers["1"].values.shape == (tap_models.BATCH, 3, 1)
    assert layers["0.3"].problem == layers["0"].problem == \
        "it is a ScriptModule, which Python cannot look into"
    layers = {layer.name: layer for layer in load(dumped / "dispatch")}
    assert layers["head"].values.shape == (tap_models.BATCH, 3, 1)
    assert layers["steps.1"].problem == "it is called through an interface, which cannot be " \
        "looked into"
