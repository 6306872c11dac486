"""The reference network in Keras: per-epoch loss and accuracy for several seeds, the spread ours is compared with.

    python bench/peers/keras_reference.py --mnist DIR --seeds 1 2 3 --out bench/reference/keras_mnist.json

The file is written anew after every epoch, so an interrupted run keeps what it has.
"""

import argparse
import json
import os
import pathlib
import platform
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import mnist


def network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, (3, 3), activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Keep(keras.callbacks.Callback):
    """Appends each epoch's numbers to `epochs`, then calls `save`."""

    def __init__(self, epochs, save):
        super().__init__()
        self.epochs, self.save = epochs, save

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        # `seconds` includes the validation, as the line that Keras prints does.
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        self.epochs.append(row | {"seconds": round(time.perf_counter() - self.start, 2)})
        self.save()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mnist", required=True, help="folder of the four IDX files")
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--out", required=True, type=pathlib.Path)
    options = options.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    train, test = mnist.load(options.mnist)
    report = {
        "made_by": f"bench/peers/keras_reference.py, keras {keras.__version__}, tensorflow {tf.__version__}, "
        f"Python {platform.python_version()}",
        "network": "conv2d 32 3x3 relu, flatten, dense 64 relu, dense 10 softmax; adam; batch 32; pixels / 255",
        "validation": "the 10,000 test images",
        "threads": options.threads,
        "runs": [],
    }

    def save():
        options.out.write_text(json.dumps(report, indent=1) + "\n")

    for seed in options.seeds:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        epochs = []
        report["runs"].append({"seed": seed, "epochs": epochs})
        keep = [Keep(epochs, save)]
        network().fit(
            *train, epochs=options.epochs, batch_size=32, validation_data=test, verbose=0, callbacks=keep
        )


if __name__ == "__main__":
    main()
