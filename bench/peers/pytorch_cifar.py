"""The recipe `cifar10` in PyTorch: the same network, images, batches, schedule, epochs and augmentation, with Adam.

    python bench/peers/pytorch_cifar.py CIFAR_DIR --epochs 4 --threads 2

CIFAR_DIR has train/CLASS/*.png and test/CLASS/*.png (or .jpg), as for `kamado train cifar10 --data CIFAR_DIR`. Prints a
line per epoch, and at the end one JSON line with the accuracy on the test images.
"""

import argparse
import concurrent.futures
import json
import pathlib
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import common
import pytorch


def load(folder, limit):
    """(images [n, 3, 32, 32] as float32 in 0..255, labels), classes and files in alphabetical order."""
    classes = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    files = [(path, label) for label, name in enumerate(classes) for path in sorted(name.iterdir())[:limit]]

    def pixels(entry):
        return np.asarray(Image.open(entry[0]).convert("RGB"))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(pixels, files)))
    images = torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    return images, torch.tensor([label for _, label in files])


def distorted(images, shift):
    """Mirrored with even chances, and moved by up to `shift` of the side along each axis; bilinear, black outside."""
    n = len(images)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = 1 - 2 * torch.randint(2, (n,)).float()
    theta[:, 1, 1] = 1
    # Positions go from -1 to 1, so that a side is 2 long.
    theta[:, :, 2] = 2 * shift * (2 * torch.rand(n, 2) - 1)
    return F.grid_sample(images, F.affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)


def initialise(network):
    """Keras's settings, which the recipe has too: initial weights, and the momentum of the normalisation."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1


@torch.no_grad()
def accuracy(network, images, labels):
    network.eval()
    right = sum((network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000)))
    network.train()
    return right / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=0.01, help="the greatest of the one-cycle schedule")
    parser.add_argument("--shift", type=float, default=0.125)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, help="images of a class, to try it out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    images, labels = load(pathlib.Path(options.folder) / "train", options.limit)
    test_images, test_labels = load(pathlib.Path(options.folder) / "test", options.limit)
    mean = images.mean((0, 2, 3), keepdim=True)
    std = images.std((0, 2, 3), keepdim=True, correction=0)
    network = pytorch.NETWORKS["resnet20"]().to(memory_format=torch.channels_last)
    initialise(network)
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, fused=True)
    steps = options.epochs * -(-len(labels) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=steps, cycle_momentum=False
    )

    def epoch():
        total = 0.0
        for chosen in torch.randperm(len(labels)).split(options.batch):
            x = (distorted(images[chosen], options.shift) - mean) / std
            loss = F.cross_entropy(network(x), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"loss {total / len(labels):.4f}", flush=True)

    seconds = [common.timed(epoch) for _ in range(options.epochs)]
    result = {
        "engine": "pytorch",
        "recipe": "cifar10",
        "threads": options.threads,
        "seconds_per_epoch": [round(s, 1) for s in seconds],
        "median_seconds": round(statistics.median(seconds), 1),
        "test_accuracy": round(accuracy(network, (test_images - mean) / std, test_labels), 4),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
