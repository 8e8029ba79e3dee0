"""One training step of two networks in PyTorch on one thread: forward, cross-entropy, backward, AdamW.

    train-step.py dscnn|resnet8 BATCH STEPS

BatchNorm is folded, as it is when Octet trains a model further. Prints one JSON document: processor milliseconds of each step.
"""

import json
import sys
import time

import torch
from torch import nn


def conv(i, o, k, s=1, g=1):
    return nn.Conv2d(i, o, k, s, k // 2, groups=g)


class Block(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.first, self.second = conv(i, o, 3, s), conv(o, o, 3)
        self.skip = conv(i, o, 1, s) if s != 1 or i != o else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))


def pair(i, o, s=1):
    return [conv(i, i, 3, s, i), nn.ReLU(), conv(i, o, 1), nn.ReLU()]


ends = lambda n: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n, 10)]
networks = {
    "dscnn": lambda: nn.Sequential(
        conv(1, 32, 3, 2), nn.ReLU(), *pair(32, 64), *pair(64, 64), *pair(64, 96, 2), *pair(96, 96), *ends(96)
    ),
    "resnet8": lambda: nn.Sequential(
        conv(1, 16, 3), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2), *ends(64)
    ),
}

name, batch, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(1)
model = networks[name]()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.rand(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
times = []
for _ in range(steps):
    start = time.process_time()
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    times.append((time.process_time() - start) * 1000)
print(json.dumps(times))
