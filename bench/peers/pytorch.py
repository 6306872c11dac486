"""The workloads in PyTorch, with every advantage it offers: see bench/NOTES.md.

    python bench/peers/pytorch.py seed_cnn mlp --mode compile+bf16 --threads 2
    python bench/peers/pytorch.py seed_cnn --epochs-on MNIST_DIR --epochs 3
"""

import torch
import torch.nn.functional as F
from torch import nn

import common

FLAGS = ["eager", "compile", "max-autotune", "bf16", "channels_last"]
NETWORKS = {
    "seed_cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(26 * 26 * 32, 64), nn.ReLU(), nn.Linear(64, 10)
    ),
    "mlp": lambda: nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    ),
}


class Trainer:
    """A network, its optimiser, and the step in the chosen mode."""

    def __init__(self, name, options):
        torch.manual_seed(options.seed)
        self.flags = options.flags
        self.network = NETWORKS[name]()
        if "channels_last" in self.flags:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.loss = self._loss
        if self.flags & {"compile", "max-autotune"}:
            # Forward and loss in one graph, and so the backward; a last partial batch is compiled for its own shape.
            mode = "max-autotune-no-cudagraphs" if "max-autotune" in self.flags else None
            self.loss = torch.compile(self._loss, dynamic=False, mode=mode)

    def logits(self, images):
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in self.flags):
            return self.network(images).float()

    def _loss(self, images, labels):
        return F.cross_entropy(self.logits(images), labels)

    def step(self, images, labels):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(images, labels).backward()
        self.optimizer.step()

    def epoch(self, images, labels, batch):
        order = torch.randperm(len(images))
        for chosen in order.split(batch):
            self.step(images.index_select(0, chosen), labels.index_select(0, chosen))

    @torch.no_grad()
    def accuracy(self, images, labels):
        right = sum(
            (self.logits(x).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000))
        )
        return right / len(images)

    def tensors(self, images, labels):
        """Channels first, or the same memory seen as channels last: with one channel they are one."""
        images = torch.from_numpy(images)
        if images.dim() == 4:
            images = images.permute(0, 3, 1, 2).contiguous(
                memory_format=torch.channels_last if "channels_last" in self.flags else torch.contiguous_format
            )
        return images, torch.from_numpy(labels)


def time_steps(trainer, workload, options):
    images, labels = trainer.tensors(*common.random_data(workload, workload.batch, options.seed))
    for _ in range(common.WARM_UP):
        trainer.step(images, labels)
    seconds = [common.timed(lambda: trainer.step(images, labels)) for _ in range(options.steps)]
    return common.step_times(seconds)


def time_epochs(trainer, workload, options):
    train, test = (trainer.tensors(*part) for part in common.mnist_data(workload, options.epochs_on))
    seconds = [common.timed(lambda: trainer.epoch(*train, workload.batch)) for _ in range(options.epochs)]
    return common.epoch_times(seconds, trainer.accuracy(*test))


def main():
    options = common.options(__doc__, FLAGS)
    # Before the first parallel work: the setting is per thread, and workers inherit it when they start.
    torch.set_flush_denormal(options.flush_denormals)
    torch.set_num_threads(options.threads)
    for name in options.workloads:
        trainer = Trainer(name, options)
        params = sum(p.numel() for p in trainer.network.parameters())
        measure = time_epochs if options.epochs_on else time_steps
        common.report("pytorch", name, options, params, measure(trainer, common.WORKLOADS[name], options))


if __name__ == "__main__":
    main()
