"""MNIST's IDX files as numpy arrays, read as they are distributed (gz)."""

import gzip
import pathlib

import numpy as np


def read_idx(path):
    """The array of one IDX file of unsigned bytes: two zero bytes, the type, the rank, big-endian sizes, the data."""
    with gzip.open(path, "rb") as file:
        content = file.read()
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder):
    """((images, labels), (test images, test labels)): images float32 in [0, 1] as [n, 28, 28, 1], labels int64."""

    def part(name):
        images = read_idx(pathlib.Path(folder) / f"{name}-images-idx3-ubyte.gz")
        labels = read_idx(pathlib.Path(folder) / f"{name}-labels-idx1-ubyte.gz")
        images = images[..., None].astype(np.float32)
        # In place: a second copy would count in the peer's peak memory.
        images /= 255
        return images, labels.astype(np.int64)

    return part("train"), part("t10k")
