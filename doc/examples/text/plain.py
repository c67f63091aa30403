"""A small character transformer learns texts (prepare.py) with PyTorch, on one machine.

usage: plain.py FOLDER ROUNDS STEPS FIRST LAST [LIBRARY]: ROUNDS times STEPS steps, the step size falling from FIRST to LAST, on
all texts together or on one library. Prints the perplexity of what was held out of each.
"""
import math
import os
import sys

import torch
from torch import nn

CONTEXT, WIDTH, LAYERS, HEADS, NEAR = 64, int(os.environ.get("WIDTH", "192")), 2, 4, 8
BATCH, WINDOWS = int(os.environ.get("BATCH", "4")), int(os.environ.get("WINDOWS", "48"))
LIBRARIES = ["bible", "anarchism", "gcide", "fortunes", "foldoc", "linux", "perl", "manpages"]


def load(folder, name, part):
    """The characters of a text: 0 for the end of a line, then 1 to 95."""
    with open(os.path.join(folder, f"{name}.{part}"), "rb") as f:
        return (torch.frombuffer(bytearray(f.read()), dtype=torch.uint8).long() - 31).clamp(min=0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.queries, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.dense = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.register_buffer("later", torch.full((CONTEXT, CONTEXT), -1e9).triu(1))

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.queries(self.before(x)).view(b, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        seen = (q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + self.later[:t, :t]).softmax(3) @ v
        x = x + self.out(seen.transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.dense(x)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Embedding(CONTEXT, WIDTH)  # and what each of the last characters means, by how far it is behind:
        self.characters = nn.ModuleList([nn.Embedding(96, WIDTH) for _ in range(NEAR)])
        self.blocks, self.head = nn.Sequential(*[Block() for _ in range(LAYERS)]), nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 96))
        for embedding in (self.places, *self.characters):
            nn.init.normal_(embedding.weight, std=0.3)

    def forward(self, x):
        y = self.places.weight[:x.shape[1]].repeat(len(x), 1, 1)
        for behind, embedding in enumerate(self.characters):
            y[:, behind:] += embedding(x[:, :x.shape[1] - behind])
        return self.head(self.blocks(y))


def network():
    torch.manual_seed(1)
    return Transformer()


def optimizer_of(model):
    return torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=0.01)


def loss_of(model, text, places):
    """Mean over all characters of the windows that begin at these places, but for the first ones."""
    window = text[places.unsqueeze(1) + torch.arange(CONTEXT + 1)]
    return nn.functional.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())


def steps(model, optimizer, text, count, rate):
    """Steps with batches from anywhere in the text; returns the mean loss."""
    total = 0.0
    for group in optimizer.param_groups:
        group["lr"] = rate
    for _ in range(count):
        optimizer.zero_grad()
        loss = loss_of(model, text, torch.randint(len(text) - CONTEXT, (BATCH,)))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    return total / count


def held_out(model, texts):
    """The loss on each text, over windows that are the same in every call."""
    with torch.no_grad():
        return [loss_of(model, text, torch.linspace(0, len(text) - CONTEXT - 1, WINDOWS).long()).item() for text in texts]


if __name__ == "__main__":
    folder, rounds, count, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
    text = torch.cat([load(folder, name, "train") for name in sys.argv[6:] or LIBRARIES])
    model = network()
    optimizer = optimizer_of(model)
    for k in range(rounds):
        steps(model, optimizer, text, count, first * (last / first) ** (k / (rounds - 1)))
    losses = held_out(model, [load(folder, name, "held") for name in LIBRARIES])
    print(*[f"{name} {math.exp(loss):.3f}" for name, loss in zip(LIBRARIES, losses)], f"mean {math.exp(sum(losses) / 8):.3f}")
