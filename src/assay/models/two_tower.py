"""Two towers: a user from the items it took, an item from its id, category and text; their product ranks a catalogue."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from assay.deep.ghost import Drawn
from assay.deep.rows import ArrayRows, Batch
from assay.deep.training import Net, Schedule
from assay.errors import InputError
from assay.models.neural import exact
from assay.models.neural_recommender import NeuralRecommender, drawn_columns, sampled_softmax
from assay.models.recommender import AFTER, Ints, Taken
from assay.models.scorer import Vector

_ROWS = 1 << 16


class TwoTowerNet(Net):
    """Item tower: embeddings of id and category, and a linear map of the text's vector. User tower: the mean of what the item
    tower's embeddings say of the last items, through two layers.

    Item 0 stands for none; item k + 1 is column k. text (I + 1, v): vectors of items, or None.
    """

    def __init__(
        self, chance: Vector, category: NDArray[np.int64] | None, text: NDArray[np.float32] | None, *, factors: int, hidden: int,
        negatives: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.negatives = negatives
        self.item = nn.Embedding(len(chance) + 1, factors, padding_idx=0)
        self.bias = nn.Embedding(len(chance) + 1, 1, padding_idx=0)
        self.category = None if category is None else nn.Embedding(int(category.max()) + 1, factors, padding_idx=0)
        self.text = None if text is None else nn.Linear(text.shape[1], factors, bias=False)
        self.scores = Drawn(self.drawn_vectors)
        self.first, self.second = nn.Linear(factors, hidden), nn.Linear(hidden, factors)
        for table in (self.item, self.category):
            if table is not None:
                nn.init.normal_(table.weight, std=1 / math.sqrt(factors))
        nn.init.zeros_(self.bias.weight)
        self.chance: torch.Tensor
        self.log_chance: torch.Tensor
        self.register_buffer("chance", torch.from_numpy(chance), persistent=False)
        self.register_buffer("log_chance", torch.from_numpy(np.log(np.append(1.0, chance))).float(), persistent=False)
        self.of_item: torch.Tensor
        self.of_text: torch.Tensor
        if category is not None:
            self.register_buffer("of_item", torch.from_numpy(category), persistent=False)
        if text is not None:
            self.register_buffer("of_text", torch.from_numpy(text), persistent=False)

    def items(self, item: torch.Tensor) -> torch.Tensor:
        """(..., d) the item tower."""
        vectors = self.item(item)
        if self.category is not None:
            vectors = vectors + self.category(self.of_item[item])
        if self.text is not None:
            vectors = vectors + self.text(self.of_text[item])
        return vectors  # type: ignore[no-any-return]

    def drawn_vectors(self, item: torch.Tensor, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(N, d + 1) vectors and biases of items shared by all rows; linear in the weights."""
        vectors = weights["item.weight"][item]
        if self.category is not None:
            vectors = vectors + functional.embedding(self.of_item[item], weights["category.weight"], padding_idx=0)
        if self.text is not None:
            vectors = vectors + self.of_text[item] @ weights["text.weight"].T
        return torch.cat([vectors, weights["bias.weight"][item]], 1)

    def users(self, history: torch.Tensor) -> torch.Tensor:
        """(B, d) the user tower, of the last items (B, L), 0 where there is none."""
        there = (history > 0)[..., None]
        mean = (self.items(history) * there).sum(1) / there.sum(1).clamp(min=1)  # (B, d)
        return mean + self.second(functional.relu(self.first(mean)))  # type: ignore[no-any-return]

    def losses(self, batch: Batch) -> torch.Tensor:
        """(B,) sampled softmax losses of the item that was taken."""
        user, target = self.users(batch["history"]), batch["target"]
        drawn = drawn_columns(self.chance, self.negatives, always_the_same=not self.training) + 1
        own = (user * self.items(target)).sum(-1) + self.bias(target)[:, 0]
        others = self.scores(user, drawn, dict(self.named_parameters()))  # (B, N)
        return sampled_softmax(own, others, drawn == target[:, None], self.log_chance[drawn])


class TwoTower(NeuralRecommender):
    """Two-tower retrieval (Covington et al., "Deep neural networks for YouTube recommendations", RecSys 2016; log-Q
    corrected sampled softmax, Yi et al., RecSys 2019).

    A user is the mean of the last `length` events before the moment, so that no user needs to be known to training.
    Items are known by their texts too, where the fit is told their vectors (`Training.texts`).
    """

    name = "two_tower"

    def __init__(
        self, items: int = 10_000, factors: int = 64, length: int = 64, hidden: int = 128, categories: bool = True,
        negatives: int = 1024, rate: float = 1e-3, batch: int = 1024, epochs: int = 20,
    ) -> None:  # fmt: skip
        super().__init__(items, Schedule(epochs, batch, rate, decay=0.0, patience=2))
        self.factors, self.length, self.hidden = factors, length, hidden
        self.categories, self.negatives = categories, negatives
        self.item_texts_: NDArray[np.float32] | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {name: getattr(self, name) for name in ("items", "factors", "length", "hidden", "categories", "negatives")}
        return own | {"rate": self.schedule.rate, "batch": self.schedule.batch, "epochs": self.schedule.epochs}

    def know_items(self, category: Ints | None, texts: NDArray[Any] | None) -> None:
        """As every neural recommender, and texts (items, v) too. InputError: not two axes, or numbers that are not finite."""
        super().know_items(category, texts)
        self.item_texts_ = self.text_ = None
        if texts is not None:
            vectors = np.asarray(texts, np.float32)
            if vectors.ndim != 2 or not np.isfinite(vectors).all():
                raise InputError(f"{self.name}: vectors have shape {vectors.shape}; give finite numbers, one row per item code")
            self.item_texts_ = vectors

    def build(self, taken: Taken) -> TwoTowerNet:
        """The net before it learns."""
        texts, last = self.item_texts_, taken.item_codes[-1]
        if texts is not None:
            if last >= len(texts):
                raise InputError(f"{self.name}: there are {len(texts)} text vectors, but item code {last}")
            self.text_ = np.vstack([np.zeros((1, texts.shape[1]), np.float32), texts[taken.item_codes]])
        category = self.category_ if self.categories else None
        return TwoTowerNet(
            self.chances(taken), category, self.text_, factors=self.factors, hidden=self.hidden, negatives=self.negatives
        )

    def training_rows(self, taken: Taken, seed: int) -> tuple[ArrayRows, Ints]:
        """A row for each event after a user's first period, known by what came before it; and its period (n,)."""
        del seed
        user, column, period = taken.events.astype(np.int64)
        key = user * 2**32 + period
        own, before = np.searchsorted(key, user * 2**32), np.searchsorted(key, key)
        later = np.flatnonzero(before > own)
        history = self._histories(own[later], before[later], column)
        columns = {"history": history, "target": column[later] + 1, "user": user[later], "asked": later}
        return ArrayRows(columns), period[later]

    def asked_events(self) -> Ints:
        """(W,) the event that each of the rows that it learnt from asks for."""
        event: Ints = self.learnt_rows().columns["asked"]
        return event

    def later_rows(self, user: Ints, column: Ints, period: Ints) -> ArrayRows:
        """A row for each event (m,) of users that have taken something before, known by that."""
        low, high = self.event_bounds(user, period)
        with_history = np.flatnonzero(high > low)
        history = self._histories(low[with_history], high[with_history], self.fitted().events[1].astype(np.int64))
        return ArrayRows({"history": history, "target": column[with_history] + 1, "user": user[with_history]})

    def _histories(self, low: Ints, high: Ints, column: NDArray[np.int64]) -> NDArray[np.int32]:
        """(m, L) the last items of stretches of events, 0 where there is none."""
        at = high[:, None] - 1 - np.arange(self.length)
        return np.where(at >= low[:, None], column[np.maximum(at, 0)] + 1, 0).astype(np.int32)

    @torch.no_grad()
    def _users(self, net: TwoTowerNet, user: NDArray[Any], period: NDArray[Any]) -> torch.Tensor:
        """(m, d) float64."""
        low, high = self.event_bounds(user, period)
        history = self._histories(low, high, self.fitted().events[1].astype(np.int64))
        vectors = [net.users(torch.from_numpy(history[k : k + 512])) for k in range(0, len(history), 512)]
        return torch.cat(vectors) if vectors else torch.zeros(0, self.factors, dtype=torch.float64)

    def _exact(self) -> TwoTowerNet:
        net = self.net()
        assert isinstance(net, TwoTowerNet)
        return exact(net)

    @torch.no_grad()
    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Products of towers and the items' biases, by the last events before the period."""
        net, out = self._exact(), np.zeros(len(user))
        each, which = np.unique(np.asarray(user, np.int64) * 2**32 + period, return_inverse=True)
        users = self._users(net, each >> 32, each & (2**32 - 1))
        items = net.items(torch.arange(net.item.num_embeddings))
        rows = np.flatnonzero(item >= 0)
        for begin in range(0, len(rows), _ROWS):
            some = rows[begin : begin + _ROWS]
            code = torch.from_numpy(np.asarray(item[some], np.int64) + 1)
            out[some] = ((users[which[some]] * items[code]).sum(-1) + net.bias(code)[:, 0]).numpy()
        return out

    @torch.no_grad()
    def catalogue(self, user: NDArray[Any]) -> Vector:
        """As `score` for every column, after each user's last event."""
        net = self._exact()
        code = torch.arange(1, net.item.num_embeddings)
        users = self._users(net, np.asarray(user, np.int64), np.full(len(user), AFTER))
        return np.asarray((users @ net.items(code).T + net.bias(code)[:, 0]).numpy())
