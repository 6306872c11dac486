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


class Recurrent(nn.Module):
    """The last state of an LSTM over embedded tokens."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(5000, 64), nn.LSTM(64, 128, batch_first=True)
        self.head = nn.Linear(128, 2)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(states[:, -1])


class Block(nn.Module):
    """A pre-norm transformer block with causal attention."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm_2(x))


class Gpt(nn.Module):
    """Learned positions, four blocks, an output layer of its own."""

    def __init__(self, vocabulary=256, length=128, width=256, heads=4, blocks=4):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        return self.head(self.norm(self.blocks(x)))


class Wide(nn.Module):
    """Embedded categories beside numbers; one table for all columns, which is faster than twenty."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(20 * 1000, 16)
        self.register_buffer("starts", 1000 * torch.arange(20))
        self.mlp = nn.Sequential(
            nn.Linear(330, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2)
        )

    def forward(self, categories, numbers):
        return self.mlp(torch.cat([self.table(categories + self.starts).flatten(1), numbers], 1))


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
    "lstm": Recurrent,
    "gpt": Gpt,
    "wide": Wide,
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

    def logits(self, *inputs):
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in self.flags):
            return self.network(*inputs).float()

    def _loss(self, *batch):
        *inputs, labels = batch
        return F.cross_entropy(self.logits(*inputs).flatten(0, -2), labels.flatten())

    def step(self, *batch):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(*batch).backward()
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
    inputs, labels = common.random_data(workload, workload.batch, options.seed)
    if len(workload.shape or ()) == 3:
        batch = trainer.tensors(*inputs, labels)
    else:
        batch = [torch.from_numpy(array) for array in (*inputs, labels)]
    for _ in range(min(common.WARM_UP, options.steps)):
        trainer.step(*batch)
    seconds = [common.timed(lambda: trainer.step(*batch)) for _ in range(options.steps)]
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
