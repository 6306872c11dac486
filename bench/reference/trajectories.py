"""Fifty training steps of resnet20, lstm and gpt in PyTorch, float64: the losses that `bench/tests/trajectories.rs` holds
Kamado to.

    python bench/reference/trajectories.py > bench/reference/trajectories.json

Weights and data come from one hash of (variable, element), so that nothing has to be exchanged but the losses. Adam is
written out with Keras's formula, in which epsilon is added to the uncorrected root.
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

STEPS = 50
torch.set_default_dtype(torch.float64)


def hashed(stream, count):
    """`count` numbers of 32 bits: Chris Wellons' lowbias32 of `stream * 1000003 + i`."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(stream) * np.uint64(1000003)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def uniform(stream, shape):
    """In [0, 1), with 24 bits, which a 32-bit float holds."""
    return torch.tensor((hashed(stream, int(np.prod(shape))) >> np.uint64(8)) / 2.0**24).reshape(shape)


def integers(stream, shape, bound):
    return torch.tensor((hashed(stream, int(np.prod(shape))) % np.uint64(bound)).astype(np.int64)).reshape(shape)


class Weights:
    """Hands out variables in the order in which Kamado's model declares them."""

    def __init__(self):
        self.count, self.trained = 0, []

    def kernel(self, *shape):
        """Uniform with the variance 1 / (elements that meet in one result)."""
        fan_in = int(np.prod(shape[:-1]))
        # As in the 32-bit model, so that both start from the same numbers.
        scale = float(np.float32(np.sqrt(12.0 / fan_in)))
        value = (uniform(self.count, shape) - 0.5) * scale
        return self._add(value.to(torch.float32).double())

    def constant(self, value, *shape, trained=True):
        return self._add(torch.full(shape, float(value)), trained)

    def _add(self, value, trained=True):
        self.count += 1
        if trained:
            self.trained.append(value.requires_grad_())
        return value


class Resnet20:
    # At 1e-3, Adam turns gradients that are rounding errors into whole steps: two instruction sets differ by 1 % then.
    batch, learning_rate = 64, 1e-4

    def __init__(self):
        self.w = Weights()
        self.convs = [self.conv(3, 16, 3)]
        self.blocks = []
        for channels, filters, stride in (
            [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        ):
            body = [self.conv(channels, filters, 3), self.conv(filters, filters, 3)]
            self.blocks.append((body, self.conv(channels, filters, 1) if stride > 1 else None, stride))
        self.head = self.w.kernel(64, 10), self.w.constant(0, 10)

    def conv(self, channels, filters, size):
        kernel = self.w.kernel(size, size, channels, filters)
        norm = self.w.constant(1, filters), self.w.constant(0, filters)
        self.w.constant(0, filters, trained=False), self.w.constant(1, filters, trained=False)
        return kernel, norm

    @staticmethod
    def normalised(x, weights, stride):
        """A convolution with Keras's `same` padding, which puts the odd cell at the end; batch normalisation."""
        kernel, (gamma, beta) = weights
        total = max(kernel.shape[0] - stride, 0) if x.shape[-1] % stride == 0 else kernel.shape[0] - 1
        before, after = total // 2, total - total // 2
        x = F.conv2d(F.pad(x, (before, after, before, after)), kernel.permute(3, 2, 0, 1), stride=stride)
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)

    def loss(self):
        x = uniform(900, (self.batch, 32, 32, 3)).permute(0, 3, 1, 2)
        labels = integers(901, (self.batch,), 10)
        x = F.relu(self.normalised(x, self.convs[0], 1))
        for (first, second), shortcut, stride in self.blocks:
            y = self.normalised(F.relu(self.normalised(x, first, stride)), second, 1)
            x = F.relu(y + (self.normalised(x, shortcut, stride) if shortcut else x))
        kernel, bias = self.head
        return F.cross_entropy(x.mean((2, 3)) @ kernel + bias, labels)


class Lstm:
    batch, learning_rate = 32, 1e-3

    def __init__(self):
        self.w = Weights()
        self.table = self.w.kernel(5000, 64)
        self.kernel, self.recurrent, self.bias = self.w.kernel(64, 512), self.w.kernel(128, 512), self.w.constant(0, 512)
        self.head = self.w.kernel(128, 2), self.w.constant(0, 2)

    def loss(self):
        tokens, labels = integers(900, (self.batch, 100), 5000), integers(901, (self.batch,), 2)
        z = self.table[tokens] @ self.kernel + self.bias
        h = c = torch.zeros(self.batch, 128)
        for t in range(100):
            i, f, g, o = (z[:, t] + h @ self.recurrent).split(128, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        kernel, bias = self.head
        return F.cross_entropy(h @ kernel + bias, labels)


class Gpt:
    batch, learning_rate, width, heads = 4, 1e-3, 256, 4

    def __init__(self):
        w = self.w = Weights()
        width, heads = self.width, self.heads
        self.tokens, self.positions = w.kernel(256, width), w.kernel(128, width)
        self.blocks = []
        for _ in range(4):
            norm = w.constant(1, width), w.constant(0, width)
            # The biases of queries, keys and values have two axes, so they start at random too.
            qkv = [(w.kernel(width, heads, width // heads), w.kernel(heads, width // heads)) for _ in range(3)]
            output = w.kernel(heads, width // heads, width), w.constant(0, width)
            norm_2 = w.constant(1, width), w.constant(0, width)
            up = w.kernel(width, 4 * width), w.constant(0, 4 * width)
            down = w.kernel(4 * width, width), w.constant(0, width)
            self.blocks.append((norm, qkv, output, norm_2, up, down))
        self.norm = w.constant(1, width), w.constant(0, width)
        self.head = w.kernel(width, 256), w.constant(0, 256)

    def loss(self):
        tokens, labels = integers(900, (self.batch, 128), 256), integers(901, (self.batch, 128), 256)
        norm = lambda x, weights, epsilon: F.layer_norm(x, (self.width,), *weights, epsilon)
        x = self.tokens[tokens] + self.positions
        for norm_1, qkv, (kernel, bias), norm_2, up, down in self.blocks:
            y = norm(x, norm_1, 1e-5)
            q, k, v = (torch.einsum("bte,end->bntd", y, kernel) + bias[:, None] for kernel, bias in qkv)
            scores = q @ k.transpose(2, 3) / np.sqrt(self.width // self.heads)
            seen = torch.ones(128, 128, dtype=torch.bool).tril()
            y = scores.masked_fill(~seen, -torch.inf).softmax(3) @ v
            x = x + torch.einsum("bntd,nde->bte", y, kernel) + bias
            x = x + F.gelu(norm(x, norm_2, 1e-5) @ up[0] + up[1]) @ down[0] + down[1]
        kernel, bias = self.head
        return F.cross_entropy((norm(x, self.norm, 1e-3) @ kernel + bias).flatten(0, 1), labels.flatten())


def trajectory(network):
    weights = network.w.trained
    first, second = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
    losses = []
    for step in range(1, STEPS + 1):
        loss = network.loss()
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, weights)
        alpha = network.learning_rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        with torch.no_grad():
            for w, g, m, v in zip(weights, gradients, first, second):
                m += (g - m) * 0.1
                v += (g * g - v) * 0.001
                w -= alpha * m / (v.sqrt() + 1e-7)
    return losses


if __name__ == "__main__":
    networks = {"resnet20": Resnet20, "lstm": Lstm, "gpt": Gpt}
    torch.set_flush_denormal(True)
    print(json.dumps({name: trajectory(networks[name]()) for name in sys.argv[1:] or networks}))
