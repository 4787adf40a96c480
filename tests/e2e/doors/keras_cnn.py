"""Keras on TensorFlow, channels last, as TensorFlow's convolutions on the CPU want it."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

import keras
import torch

from doors import weights


def build() -> keras.Model:
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.25),
        keras.layers.Dense(64, activation="relu", name="fc1"),
        keras.layers.Dropout(0.25),
        keras.layers.Dense(10, name="fc2"),
    ])
    for name, values in kernels(weights.load()).items():
        model.get_layer(name).set_weights(values)
    return model


def kernels(w: weights.Weights) -> dict[str, list]:
    """PyTorch's layout (out, in, …) turned into Keras's (…, in, out); fc1 also finds its inputs,
    32 channels of 4 x 4, with the channel last."""
    fc1 = w["fc1.weight"].reshape(64, 32, 4, 4).transpose(2, 3, 1, 0).reshape(512, 64)
    return {"conv1": [w["conv1.weight"].transpose(2, 3, 1, 0), w["conv1.bias"]],
            "conv2": [w["conv2.weight"].transpose(2, 3, 1, 0), w["conv2.bias"]],
            "fc1": [fc1, w["fc1.bias"]],
            "fc2": [w["fc2.weight"].T, w["fc2.bias"]]}


model = build()


@tf.function(reduce_retracing=True)
def network(images: tf.Tensor) -> tf.Tensor:
    return model(tf.transpose(images, (0, 2, 3, 1)), training=False)


def logits(images: torch.Tensor) -> tf.Tensor:
    return network(tf.constant(images.cpu().numpy()))
