"""A transformer that predicts what a user takes next: causal attention over events, items scored by their embeddings."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from assay.deep.ghost import Drawn
from assay.deep.rows import ArrayRows, Batch, Ragged
from assay.deep.training import Net, Schedule
from assay.models.neural import exact
from assay.models.neural_recommender import NeuralRecommender, drawn_columns, sampled_softmax
from assay.models.recommender import AFTER, Ints, Taken
from assay.models.repeats import HALF_LIVES, taken_before
from assay.models.scorer import Vector

_SINCE = np.array([0, 1, 2, 3, 4, 6, 9, 14, 27])  # least periods of each band between an event and the one before
_USERS = 256  # histories read at a time
_MEMORY = 256  # items taken before a training row that it knows of, those taken last


class Attention(nn.Module):
    """Causal multi-head self-attention."""

    def __init__(self, factors: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(factors, factors) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(B, T, d) -> (B, T, d); hidden (T, T) is True where an event must not look."""
        B, T, d = x.shape
        q, k, v = (
            f(x).view(B, T, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value)
        )  # (B, H, T, d / H)
        weights = (
            (q @ k.transpose(-2, -1) / math.sqrt(d / self.heads)).masked_fill(hidden, -torch.inf).softmax(-1)
        )  # (B, H, T, T)
        return self.out((self.dropout(weights) @ v).transpose(1, 2).reshape(B, T, d))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and a position-wise layer, each after a normalisation and added to what came in."""

    def __init__(self, factors: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(factors, heads, dropout)
        self.before, self.between = nn.LayerNorm(factors), nn.LayerNorm(factors)
        self.wide, self.narrow = nn.Linear(factors, 4 * factors), nn.Linear(4 * factors, factors)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(B, T, d) -> (B, T, d)."""
        x = x + self.dropout(self.attention(self.before(x), hidden))
        return x + self.dropout(self.narrow(functional.gelu(self.wide(self.between(x)))))  # type: ignore[no-any-return]


class TransformerNet(Net):
    """Item, place, time and category embeddings, blocks of attention, and scores by the item embeddings themselves.

    Item 0 stands for no event; item k + 1 is column k. chance (I,): how likely each column is drawn as a negative.
    category (I + 1,): category of each item, 0 unknown, or None.
    """

    def __init__(
        self, chance: Vector, category: NDArray[np.int64] | None, *, factors: int, length: int, layers: int, heads: int,
        dropout: float, times: bool, repeats: bool, negatives: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.length, self.negatives = length, negatives
        self.item = nn.Embedding(len(chance) + 1, factors, padding_idx=0)
        self.bias = nn.Embedding(len(chance) + 1, 1, padding_idx=0)
        self.place = nn.Embedding(length, factors)
        self.since = nn.Embedding(len(_SINCE), factors) if times else None
        self.category = None if category is None else nn.Embedding(int(category.max()) + 1, factors, padding_idx=0)
        self.again = nn.Linear(factors, len(HALF_LIVES)) if repeats else None
        self.blocks = nn.ModuleList(Block(factors, heads, dropout) for _ in range(layers))
        self.scores = Drawn(self.drawn_vectors)
        self.last, self.dropout = nn.LayerNorm(factors), nn.Dropout(dropout)
        for table in (self.item, self.place, self.since, self.category):
            if table is not None:
                nn.init.normal_(table.weight, std=1 / math.sqrt(factors))
        nn.init.zeros_(self.bias.weight)
        if self.again is not None:
            nn.init.zeros_(self.again.weight)
            nn.init.zeros_(self.again.bias)
        self.half_lives: torch.Tensor
        self.chance: torch.Tensor
        self.log_chance: torch.Tensor
        self.of_item: torch.Tensor
        self.register_buffer("half_lives", torch.from_numpy(HALF_LIVES), persistent=False)
        self.register_buffer("chance", torch.from_numpy(chance), persistent=False)
        self.register_buffer("log_chance", torch.from_numpy(np.log(np.append(1.0, chance))).float(), persistent=False)
        if category is not None:
            self.register_buffer("of_item", torch.from_numpy(category), persistent=False)

    def vectors(self, item: torch.Tensor) -> torch.Tensor:
        """(..., d) of items: their own, and their category's."""
        own = self.item(item)
        return own if self.category is None else own + self.category(self.of_item[item])  # type: ignore[no-any-return]

    def drawn_vectors(self, item: torch.Tensor, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(N, d + 1) vectors and biases of items shared by all rows; linear in the weights."""
        vectors = weights["item.weight"][item]
        if self.category is not None:
            vectors = vectors + functional.embedding(self.of_item[item], weights["category.weight"], padding_idx=0)
        return torch.cat([vectors, weights["bias.weight"][item]], 1)

    def states(self, item: torch.Tensor, since: torch.Tensor) -> torch.Tensor:
        """(B, T, d): what is known after each event. since (B, T): band of periods since the event before."""
        T = item.shape[1]
        x = self.vectors(item) + self.place(torch.arange(T, device=item.device).expand(item.shape))
        if self.since is not None:
            x = x + self.since(since)
        x = self.dropout(x)
        hidden = torch.ones(T, T, dtype=torch.bool, device=item.device).triu(1)
        for block in self.blocks:
            x = block(x, hidden)
        return self.last(x)  # type: ignore[no-any-return]

    def parts(self, batch: Batch) -> torch.Tensor:
        """(B, T) sampled softmax losses of the next item, 0 where there is none, a `length`th of each; T: places up to the last
        target of the batch."""
        with_target = (batch["target"] > 0).any(0).nonzero()
        longest = int(with_target[-1]) + 1 if len(with_target) else 1
        item, since, target = (batch[name][:, :longest] for name in ("item", "since", "target"))
        states = self.states(item, since)
        drawn = drawn_columns(self.chance, self.negatives, always_the_same=not self.training) + 1
        own = (states * self.vectors(target)).sum(-1) + self.bias(target)[..., 0]  # (B, T)
        others = self.scores(states, drawn, dict(self.named_parameters()))  # (B, T, N)
        if self.again is not None:
            again = self.again(states)  # (B, T, H)
            row = torch.arange(len(item), device=item.device).repeat_interleave(longest)
            much = self.much(batch, row, target.flatten(), longest).view(*item.shape, longest, -1)
            own = own + (again * much.diagonal(0, 1, 2).transpose(1, 2)).sum(-1)
            row, which = known_pairs(batch["known"], item, drawn)
            added = (again[row] * self.much(batch, row, drawn[which], longest)).sum(-1)  # (P, T)
            places = torch.arange(longest, device=item.device)
            others = others.index_put((row[:, None], places, which[:, None]), added, accumulate=True)
        losses = sampled_softmax(own, others, drawn == target[..., None], self.log_chance[drawn])
        return losses * (target > 0) / self.length

    def much(self, batch: Batch, row: torch.Tensor, items: torch.Tensor, longest: int) -> torch.Tensor:
        """(P, T, H): log(1 + how much of items (P,) the rows (P,) of a batch took up to each event), see `repeats`."""
        before, here = batch["known"][row] == items[:, None], batch["item"][row, :longest] == items[:, None]
        amount = batch["known_much"][row, before.int().argmax(1)] * before.any(1)[:, None]  # (P, H)
        passed = batch["period"][:, :longest].diff(dim=1, prepend=batch["period"][:, :1]).clamp(min=0)
        kept = (0.5 ** (passed[..., None] / self.half_lives)).to(amount.dtype)[row]  # (P, T, H)
        each = []
        for t in range(longest):
            amount = amount * kept[:, t] + here[:, t, None]
            each.append(amount)
        return torch.stack(each, 1).log1p().to(self.item.weight.dtype)

    def losses(self, batch: Batch) -> torch.Tensor:
        """(B,) sums over the events of each row."""
        return self.parts(batch).sum(1)


class Transformer(NeuralRecommender):
    """SASRec (Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018) with a sampled softmax in place of its
    binary loss (as Klenitskiy and Vasilev, "Turning dross into gold loss", RecSys 2023), the periods since the event before
    (times), categories of items where the samples have them, and how much of an item the user took before (repeats): what comes
    again and what is new are told apart by the state, as in RepeatNet (Ren et al., AAAI 2019), here within one softmax.

    After each event the net is asked for an item of the user's next period: where periods hold one event each this is
    SASRec's next item, where they are baskets it is the next basket, whose items are dealt out in turn. A user is known by
    the last `length` events before the moment, and by how much it took of the last 256 items: the rest of longer histories is
    left out when scoring, and training cuts them into rows of that length. Events of one period have no order: they are shuffled.
    """

    name = "transformer"

    def __init__(
        self, items: int = 10_000, factors: int = 64, length: int = 32, layers: int = 1, heads: int = 2, dropout: float = 0.2,
        times: bool = True, categories: bool = True, repeats: bool = True, negatives: int = 256, rate: float = 2e-3,
        batch: int = 128, epochs: int = 12,
    ) -> None:  # fmt: skip
        super().__init__(items, Schedule(epochs, batch, rate, decay=0.0, patience=2))
        self.factors, self.length, self.layers, self.heads, self.dropout = factors, length, layers, heads, dropout
        self.times, self.categories, self.repeats, self.negatives = times, categories, repeats, negatives
        self._double: tuple[TransformerNet, TransformerNet] | None = None  # a net, and the same in double precision

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("items", "factors", "length", "layers", "heads", "dropout", "times", "categories", "repeats", "negatives")
        own = {name: getattr(self, name) for name in names}
        return own | {"rate": self.schedule.rate, "batch": self.schedule.batch, "epochs": self.schedule.epochs}

    def build(self, taken: Taken) -> TransformerNet:
        """The net before it learns."""
        category = self.category_ if self.categories else None
        return TransformerNet(
            self.chances(taken), category, factors=self.factors, length=self.length, layers=self.layers, heads=self.heads,
            dropout=self.dropout, times=self.times, repeats=self.repeats, negatives=self.negatives,
        )  # fmt: skip

    def training_rows(self, taken: Taken, seed: int) -> tuple[ArrayRows, Ints]:
        """A row for each stretch of `length` events of a user, and the period (W,) of the last target of each row."""
        order = shuffled(taken.events, seed)
        user, column, period = taken.events[:, order].astype(np.int64)
        follower = followers(user, period)
        followed = np.flatnonzero(follower >= 0)
        begins = np.searchsorted(user[followed], np.unique(user[followed]))
        place = np.arange(len(followed)) - np.repeat(begins, np.diff(np.append(begins, len(followed))))
        row = np.cumsum(place % self.length == 0) - 1
        shape = int(row[-1]) + 1 if len(row) else 0, self.length
        columns: dict[str, Any] = {name: np.zeros(shape, np.int64) for name in ("item", "target", "since")}
        at = row, place % self.length
        columns["item"][at], columns["target"][at] = column[followed] + 1, column[follower[followed]] + 1
        columns["since"][at] = since(user, period)[followed]
        columns["asked"] = np.full(shape, -1)
        columns["asked"][at] = order[follower[followed]]
        last = np.zeros(shape[0], np.int64)
        np.maximum.at(last, row, period[follower[followed]])
        begin = place % self.length == 0
        columns["user"] = user[followed][begin]
        if self.repeats:
            columns["period"] = np.zeros(shape, np.int64)
            columns["period"][at] = period[followed]
            low, high = np.searchsorted(user, columns["user"]), followed[begin]
            of_row, item, much = taken_before(column, period, low, high, period[high], _MEMORY)
            starts = np.searchsorted(of_row, np.arange(shape[0] + 1))
            columns["known"], columns["known_much"] = Ragged(starts, item + 1), Ragged(starts, much.astype(np.float32))
        return ArrayRows(columns), last

    def later_rows(self, user: Ints, column: Ints, period: Ints) -> ArrayRows:
        """Rows of users' events up to the last of these (m,), which alone are asked for."""
        taken = self.fitted()
        before = taken.events[:, np.isin(taken.events[0], user)].astype(np.int64)
        item = taken.item_codes[np.concatenate([before[1], column])]
        whole = Taken.in_columns(taken.item_codes, np.append(before[0], user), item, np.append(before[2], period), taken.span)
        rows, _ = self.training_rows(whole, 0)
        event = rows.columns["asked"]
        later = (event >= 0) & (whole.events[2][event] >= period.min(initial=AFTER))
        columns = {**rows.columns, "target": rows.columns["target"] * later}
        return ArrayRows(columns).take(np.flatnonzero(later.any(axis=1)))

    @torch.no_grad()
    def _states(self, low: Ints, high: Ints) -> torch.Tensor:
        """(m, d) float64: what is known of users by their events low ... high - 1."""
        net, (who, column, when) = self._exact(), self.fitted().events.astype(np.int64)
        gaps = since(who, when)
        low = np.maximum(low, high - self.length)
        out = torch.zeros(len(low), self.factors, dtype=torch.float64)
        order = np.argsort(high - low, kind="stable")  # histories of a length together
        for begin in range(0, len(order), _USERS):
            few = order[begin : begin + _USERS]
            size = high[few] - low[few]
            steps = np.arange(max(int(size.max()), 1))
            inside = steps < size[:, None]
            at = np.where(inside, low[few][:, None] + steps, 0)
            item, gap = np.where(inside, column[at] + 1, 0), np.where(inside, gaps[at], 0)
            states = net.states(torch.from_numpy(item), torch.from_numpy(gap))
            with_events = np.flatnonzero(size)
            out[few[with_events]] = states[with_events, size[with_events] - 1]
        return out

    @torch.no_grad()
    def _repeats(self, states: torch.Tensor, low: Ints, high: Ints) -> tuple[Ints, Ints, Vector]:
        """Row, column and logit (k,) of what users took before, by row and column; from their events as in `_states`."""
        net, (_, column, period) = self._exact(), self.fitted().events.astype(np.int64)
        if net.again is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        row, each, much = taken_before(column, period, low, high, period[high - 1], _MEMORY)
        logit = (net.again(states)[torch.from_numpy(row)].numpy() * np.log1p(much)).sum(1)
        order = np.lexsort((each, row))
        return row[order], each[order], logit[order]

    def _exact(self) -> TransformerNet:
        net = self.net()
        assert isinstance(net, TransformerNet)
        if self._double is None or self._double[0] is not net:
            self._double = net, exact(net)
        return self._double[1]

    @torch.no_grad()
    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Logits of columns, by the last events before the period; users of whom nothing is known get the items' biases."""
        net, out = self._exact(), np.zeros(len(user))
        key = np.asarray(user, np.int64) * 2**32 + period
        each, which = np.unique(key, return_inverse=True)
        bounds = self.event_bounds(each >> 32, each & (2**32 - 1))
        states = self._states(*bounds)
        row, column, logit = self._repeats(states, *bounds)
        rows = np.flatnonzero(item >= 0)
        for begin in range(0, len(rows), 1 << 18):
            some = rows[begin : begin + (1 << 18)]
            code = torch.from_numpy(np.asarray(item[some], np.int64) + 1)
            logits = (states[torch.from_numpy(which[some])] * net.vectors(code)).sum(-1) + net.bias(code)[:, 0]
            out[some] = logits.numpy()
        keys, wanted = row * 2**32 + column, which[rows] * 2**32 + item[rows]
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        again = np.flatnonzero(keys[place] == wanted) if len(keys) else np.zeros(0, np.int64)
        out[rows[again]] += logit[place[again]]
        return out

    @torch.no_grad()
    def catalogue(self, user: NDArray[Any]) -> Vector:
        """As `score` for every column, in the period after each user's last event."""
        net = self._exact()
        code = torch.arange(1, net.item.num_embeddings)
        bounds = self.event_bounds(user, np.full(len(user), AFTER))
        states = self._states(*bounds)
        logits = np.asarray((states @ net.vectors(code).T + net.bias(code)[:, 0]).numpy())
        row, column, logit = self._repeats(states, *bounds)
        logits[row, column] += logit
        return logits


def known_pairs(before: torch.Tensor, item: torch.Tensor, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and place among drawn items (N,) of each that a row knows of: taken before (B, M), or among its items (B, T)."""
    here = torch.zeros(len(item), int(max(before.max(), item.max(), drawn.max())) + 1, dtype=torch.bool, device=item.device)
    here.scatter_(1, before, True).scatter_(1, item, True)
    row, which = here[:, drawn].nonzero(as_tuple=True)
    return row, which


def since(user: NDArray[np.int64], period: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) band of periods between each event and the same user's one before; 0 for the first."""
    gap = np.diff(period, prepend=period[:1])
    gap[np.flatnonzero(np.diff(user, prepend=user[:1]))] = 0
    return np.asarray(np.searchsorted(_SINCE, gap, side="right") - 1, np.int64)


def followers(user: NDArray[np.int64], period: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) place of an event of the same user's next period for each event, in order of user and period; -1 in the last.

    The k-th event of a period gets the k-th of the next, beginning again where that is shorter.
    """
    new = (np.diff(user, prepend=-1) != 0) | (np.diff(period, prepend=-1) != 0)
    basket = np.cumsum(new) - 1
    begins = np.append(np.flatnonzero(new), len(user))
    size = np.diff(begins)
    following = np.minimum(basket + 1, len(size) - 1)
    there = (basket + 1 < len(size)) & (user[begins[following]] == user)
    place = np.arange(len(user)) - begins[basket]
    return np.where(there, begins[following] + place % size[following], -1)


def shuffled(events: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """(n,) order of events (3, n) by user and period, those of one period in an order drawn by the seed.

    As they come they stand in order of item: a model would learn that order.
    """
    tie = np.random.default_rng(seed).random(events.shape[1])
    return np.lexsort((tie, events[2], events[0]))
