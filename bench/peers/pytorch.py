"""The workloads in PyTorch, with every advantage it offers: see bench/NOTES.md.

    python bench/peers/pytorch.py seed_cnn mlp --mode compile+bf16 --threads 2
    python bench/peers/pytorch.py seed_cnn --epochs-on MNIST_DIR --epochs 3
"""

import torch
import torch.nn.functional as F
from torch import nn

import common


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is a projection where the image shrinks."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.body = nn.Sequential(
            *normalised(channels, filters, 3, stride), nn.ReLU(inplace=True), *normalised(filters, filters, 3, 1)
        )
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(*normalised(channels, filters, 1, stride))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x), inplace=True)


def normalised(channels, filters, size, stride):
    """A convolution without bias, and batch normalisation with Keras's settings."""
    conv = nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False)
    return conv, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)


def same(channels, filters):
    return nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()


FLAGS = ["eager", "compile", "max-autotune", "bf16", "channels_last"]
NETWORKS = {
    "seed_cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(26 * 26 * 32, 64), nn.ReLU(), nn.Linear(64, 10)
    ),
    "mlp": lambda: nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    ),
    "vgg": lambda: nn.Sequential(
        *same(3, 64), *same(64, 64), nn.MaxPool2d(2), *same(64, 128), *same(128, 128), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 8 * 128, 256), nn.ReLU(), nn.Linear(256, 10),
    ),
    "resnet20": lambda: nn.Sequential(
        *normalised(3, 16, 3, 1), nn.ReLU(inplace=True),
        Residual(16, 16, 1), Residual(16, 16, 1), Residual(16, 16, 1),
        Residual(16, 32, 2), Residual(32, 32, 1), Residual(32, 32, 1),
        Residual(32, 64, 2), Residual(64, 64, 1), Residual(64, 64, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
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
    for _ in range(min(common.WARM_UP, options.steps)):
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
