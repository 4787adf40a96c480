"""Models and datasets for the `python:` doors, as a user would write them; jobs import this file."""

import collections
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

SIZE = 300
X = np.random.default_rng(1).standard_normal((SIZE, 4)).astype(np.float32)
W = np.random.default_rng(2).standard_normal((4, 3)).astype(np.float32)
LABELS = (X @ W).argmax(1)
LABELS[::7] = (LABELS[::7] + 1) % 3  # some are wrong


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3, bias=False)
        self.dropout = nn.Dropout(0.5)
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(W.T))

    def forward(self, x):
        return self.layer(self.dropout(x))


class Calls:
    """An object that is called per batch and keeps every input that it saw."""

    def __init__(self):
        self.seen = []

    def __call__(self, x):
        self.seen.append(x)
        assert all(torch.isfinite(old).all() for old in self.seen[-8:])
        return x @ torch.from_numpy(W)


net = Net().train()  # the job has to switch it
calls = Calls()
number = 5
Scores = collections.namedtuple("Scores", "features logits")


def make_net():
    print("made by a factory")
    return Net()


def seeded():
    torch.manual_seed(int(os.environ["DOOR_SEED"]))
    return nn.Linear(4, 3)


def make_callable():
    return Calls()


class Needs(nn.Module):
    def __init__(self, classes):
        super().__init__()


def plain(x):
    return x.numpy() @ W


def double(x):
    return x.double() @ torch.from_numpy(W).double()


def as_dict(x):
    return {"logits": x @ torch.from_numpy(W), "deep": {"list": [x, x @ torch.from_numpy(W)]}}


def as_tuple(x):
    return Scores(x, x @ torch.from_numpy(W))


def as_numbers(x):
    return plain(x).tolist()


def as_text(x):
    return "hello"


def two(left, right):
    return (left - 0.5 * right) @ torch.from_numpy(W)


def inner_step(x):
    if (x[:, 0] == X[200, 0]).any():
        raise ValueError("this sample\nis too much")
    return x @ torch.from_numpy(W)


def fails_late(x):
    return inner_step(x)


def fails_always(x):
    raise KeyError("never")


def small_memory(x):
    if len(x) > 16:
        raise torch.OutOfMemoryError("tried to allocate 1 PiB")
    return x @ torch.from_numpy(W)


class Map:
    """Map-style, counts what it gives."""

    def __init__(self, *columns):
        self.columns = columns

    def __len__(self):
        return SIZE

    def __getitem__(self, i):
        return tuple(column[i] for column in self.columns) if self.columns else X[i]


map_style = Map()
pairs = Map(X, LABELS)
array = X
tensors = TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))


def class_indices():
    return LABELS


class Nested(Map):
    def __getitem__(self, i):
        return {"image": {"left": X[i], "right": torch.from_numpy(X[i] * 2)},
                "name": f"sample {i}", "label": int(LABELS[i])}


def loader():
    return DataLoader(tensors, batch_size=32)


def scaled_batches(samples):
    x = torch.stack([x for x, _ in samples])
    return x / 2, torch.tensor([int(y) for _, y in samples])


def collating_loader():
    return DataLoader(tensors, batch_size=32, collate_fn=scaled_batches)


def shuffled_loader():
    return DataLoader(tensors, batch_size=32, shuffle=True)


class Stream(IterableDataset):
    length = SIZE

    def __len__(self):
        return SIZE

    def __iter__(self):
        return ((X[i], int(LABELS[i])) for i in range(self.length))


class ShortStream(Stream):
    length = 250


def stream_loader():
    return DataLoader(Stream())


def generator():
    yield from X


class Ragged(Map):
    def __getitem__(self, i):
        return X[i] if i != 200 else X[i][:3]


class Broken(Map):
    def __getitem__(self, i):
        if i == 200:
            raise OSError("the disk is gone")
        return X[i]


class Mixed(Map):
    """Python numbers, a list of numbers, float64 and bfloat16."""

    def __getitem__(self, i):
        return {"list": X[i].astype(float).tolist(), "half": torch.from_numpy(X[i]).bfloat16()}


def halves(x, half):
    assert half.dtype == torch.float32
    return (x + half) @ torch.from_numpy(W)


def jax_model():
    import jax
    import jax.numpy as jnp

    weights = jnp.asarray(W)
    compiled = jax.jit(lambda x: jnp.dot(x, weights, precision="highest"))
    return lambda x: compiled(jnp.from_dlpack(x))


def tensorflow_model():
    import tensorflow as tf

    weights = tf.constant(W)
    compiled = tf.function(lambda x: tf.matmul(x, weights))
    return lambda x: compiled(tf.constant(x.numpy()))


def keras_model():
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, use_bias=False)])
    model.layers[0].set_weights([W])
    return lambda x: model(x.numpy())


def sklearn_model():
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(X, LABELS)
    return lambda x: fitted.predict_proba(x.numpy())


def onnx_model():
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])],
        [numpy_helper.from_array(W, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x.numpy()})[0]


def tf_data():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, LABELS)).map(lambda x, y: (x, y))


def tf_data_unknown():
    return tf_data().filter(lambda x, y: True)


def tf_data_shuffled():
    return tf_data().shuffle(100).prefetch(1)


def other_wheels():
    """Packages that bring libraries of which the program has its own: each must find its own."""
    import io

    import h5py
    from PIL import Image

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["x"] = X
        written = file["x"][...]
    assert (written == X).all()
    picture = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture, "JPEG")
    assert np.asarray(Image.open(picture)).shape == (8, 8, 3)
    return Net()
