"""What the peers share: the workloads, the options, the timing, the JSON line."""

import argparse
import collections
import json
import resource
import statistics
import time

import numpy as np

import mnist

# `shape` of an example's floats, `tokens` of its integers (how many, below which number), `places`: labels an example.
Workload = collections.namedtuple("Workload", "shape batch classes params tokens places", defaults=(None, None))
WORKLOADS = {
    "seed_cnn": Workload((28, 28, 1), 32, 10, 1_385_482),
    "mlp": Workload((784,), 128, 10, 669_706),
    "vgg": Workload((32, 32, 3), 64, 10, 2_360_138),
    "resnet20": Workload((32, 32, 3), 128, 10, 272_474),
    # PyTorch's LSTM has two biases where one would do: 512 numbers more than Kamado's.
    "lstm": Workload(None, 32, 2, 419_586, (100, 5000)),
    "gpt": Workload(None, 16, 256, 3_323_648, (128, 256), 128),
    "wide": Workload((10,), 256, 2, 370_754, (20, 1000)),
}
# Steps before the timed ones, but no more than those.
WARM_UP = 50


def options(description, flags):
    """Parses the command line; `mode` comes back as the set of the flags that it joins with "+"."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="+", choices=WORKLOADS, metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--mode", default=flags[0], help=f"one or more of {', '.join(flags)}, joined with '+'")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=500, help="timed steps, after the warm-up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs-on", metavar="MNIST_DIR", help="time whole epochs over MNIST instead")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--flush-denormals",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="PyTorch only; TensorFlow always does",
    )
    result = parser.parse_args()
    result.flags = set(result.mode.split("+"))
    if unknown := result.flags - set(flags):
        parser.error(f"--mode: {', '.join(sorted(unknown))} is none of {', '.join(flags)}")
    return result


def random_data(workload, examples, seed):
    """The inputs (integers below their bound, floats in [0, 1)) and the labels, of the workload's shape."""
    generator = np.random.default_rng(seed)
    inputs = []
    if workload.tokens:
        count, bound = workload.tokens
        inputs.append(generator.integers(bound, size=(examples, count)))
    if workload.shape:
        inputs.append(generator.random((examples, *workload.shape), np.float32))
    places = (workload.places,) if workload.places else ()
    return inputs, generator.integers(workload.classes, size=(examples, *places))


def mnist_data(workload, folder):
    """((images, labels), (test images, test labels)) in the workload's shape."""
    return tuple((images.reshape(-1, *workload.shape), labels) for images, labels in mnist.load(folder))


def timed(work):
    """Seconds that `work()` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def step_times(seconds):
    """The fields of a list of step times."""
    return {
        "ms": round(statistics.median(seconds) * 1e3, 4),
        "ms_mean": round(statistics.fmean(seconds) * 1e3, 4),
        "n": len(seconds),
    }


def epoch_times(seconds, accuracy):
    """The fields of a list of epoch times, the first with its compilation included."""
    return {
        "seconds_per_epoch": [round(s, 3) for s in seconds],
        "median_seconds": round(statistics.median(seconds), 3),
        "test_accuracy": round(accuracy, 4),
    }


def report(engine, name, options, params, fields):
    """Prints the line that compare.py reads."""
    if params != WORKLOADS[name].params:
        raise SystemExit(f"{name} has {params} parameters here, not {WORKLOADS[name].params}")
    line = {
        "engine": engine,
        "workload": name,
        "mode": options.mode,
        "precision": "bf16" if "bf16" in options.flags else "f32",
        "threads": options.threads,
        "params": params,
        **fields,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(line), flush=True)
