"""The workloads in Keras on TensorFlow, with every advantage it offers: see bench/NOTES.md.

    python bench/peers/keras_peer.py seed_cnn mlp --mode jit+bundle --threads 2
    python bench/peers/keras_peer.py seed_cnn --epochs-on MNIST_DIR --epochs 3
"""

import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import common

# `fit` is the plain call, `jit` compiles with XLA, `bundle` runs 25 steps a call (1875 and 500 are multiples of it).
FLAGS = ["fit", "jit", "bundle", "bf16"]
BUNDLE = 25
ROUNDS = 5

layers = keras.layers
NETWORKS = {
    "seed_cnn": lambda: [
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, dtype="float32"),
    ],
    "mlp": lambda: [
        layers.Dense(512, activation="relu"),
        layers.Dense(512, activation="relu"),
        layers.Dense(10, dtype="float32"),
    ],
}


class EpochTimes(keras.callbacks.Callback):
    """Seconds of each epoch, from its begin to its end."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def build(name, options):
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if "bf16" in options.flags else "float32")
    model = keras.Sequential([keras.Input(common.WORKLOADS[name].shape), *NETWORKS[name]()])
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile="jit" in options.flags,
        steps_per_execution=BUNDLE if "bundle" in options.flags else 1,
    )
    return model


def fit(model, data, batch, epochs):
    times = EpochTimes()
    model.fit(*data, batch_size=batch, epochs=epochs, shuffle=True, verbose=0, callbacks=[times])
    return times.seconds


def time_steps(model, workload, options):
    """`fit` over random data: a step's time is an epoch's, divided by its steps."""
    steps = max(options.steps // ROUNDS, 1)
    (images,), labels = common.random_data(workload, steps * workload.batch, options.seed)
    data = images, labels
    fit(model, data, workload.batch, -(-common.WARM_UP // steps))
    seconds = [epoch / steps for epoch in fit(model, data, workload.batch, ROUNDS)]
    return common.step_times(seconds) | {"n": steps * ROUNDS}


def time_epochs(model, workload, options):
    train, test = common.mnist_data(workload, options.epochs_on)
    seconds = fit(model, train, workload.batch, options.epochs)
    right = (model.predict(test[0], batch_size=1000, verbose=0).argmax(1) == test[1]).mean()
    return common.epoch_times(seconds, float(right))


def main():
    options = common.options(__doc__, FLAGS)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    for name in options.workloads:
        model = build(name, options)
        measure = time_epochs if options.epochs_on else time_steps
        fields = measure(model, common.WORKLOADS[name], options)
        common.report("keras", name, options, model.count_params(), fields)


if __name__ == "__main__":
    main()
