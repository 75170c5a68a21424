"""The models' nets, small and in double precision, each with a batch that has padding and repeats."""

import numpy as np
import torch

from assay.models.dcn import DcnNet
from assay.models.next_item import TransformerNet
from assay.models.two_tower import TwoTowerNet


def dcn(rows=9):
    torch.manual_seed(0)
    codes = torch.stack([torch.randint(0, 4, (rows,)), 4 + torch.randint(0, 3, (rows,))], 1)
    batch = {"codes": codes, "numbers": torch.randn(rows, 2), "label": torch.randint(0, 2, (rows,)).double()}
    return DcnNet([4, 3], 2, factors=3, crosses=2, hidden=5).double().eval(), batch


def transformer(rows=5):
    torch.manual_seed(1)
    category = np.array([0, 1, 1, 2, 2, 3, 3, 0])
    net = TransformerNet(
        np.full(7, 1 / 7), category, factors=4, length=6, layers=2, heads=2, dropout=0.3, times=True, repeats=True, negatives=5,
    )  # fmt: skip
    torch.nn.init.normal_(net.again.weight)
    item, target = torch.randint(1, 8, (2, rows, 6))
    length = torch.arange(rows) % 6 + 1
    there = torch.arange(6) < length[:, None]
    batch = {"item": item * there, "target": target * there, "since": torch.randint(0, 4, (rows, 6)) * there}
    batch |= {
        "period": 3 + batch["since"].cumsum(1),
        "known": torch.randint(0, 8, (rows, 2)),
        "known_much": torch.rand(rows, 2, 4),
    }
    batch["known"][:, 1] *= batch["known"][:, 0] != batch["known"][:, 1]
    return net.double().eval(), batch


def two_tower(rows=6):
    torch.manual_seed(2)
    text = np.random.default_rng(0).normal(size=(8, 3))
    category = np.array([0, 1, 1, 2, 2, 3, 3, 0])
    net = TwoTowerNet(np.full(7, 1 / 7), category, text, factors=4, hidden=5, negatives=6)
    history = torch.randint(0, 8, (rows, 4))
    return net.double().eval(), {"history": history, "target": torch.randint(1, 8, (rows,))}


ALL = {"dcn": dcn, "transformer": transformer, "two_tower": two_tower}


def row_gradients(net, batch, what="losses"):
    """{parameter: (B, *shape)} by automatic differentiation, row by row."""
    rows = len(next(iter(batch.values())))
    made = {name: [] for name, _ in net.named_parameters()}
    for k in range(rows):
        loss = getattr(net, what)({name: value[k : k + 1] for name, value in batch.items()}).sum()
        found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        for (name, p), g in zip(net.named_parameters(), found, strict=True):
            made[name].append(torch.zeros_like(p) if g is None else g)
    return {name: torch.stack(gs) for name, gs in made.items()}


def random_directions(net, count=3, seed=5):
    torch.manual_seed(seed)
    return {name: torch.randn(count, *p.shape, dtype=p.dtype) for name, p in net.named_parameters()}


def products(gradients, directions):
    """(F, B) by the definition."""
    return sum(torch.einsum("b...,f...->fb", gradients[n].flatten(1), directions[n].flatten(1)) for n in directions)
