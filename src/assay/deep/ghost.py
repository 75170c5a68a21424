"""Products of every row's gradient with fixed directions, and no row's gradient is ever made.

A direction is a vector as long as the net's parameters, by parameter name. For a layer with input a and gradient g at its output,
the product of a row's gradient with direction V is g' V a, so one pass forward and backward and one more product of matrices
is all it takes (ghost dot products: Wang, Mittal, Song and Jia, "Data Shapley in one training run", ICLR 2025, with the
direction in place of single validation rows). Products are linear in what layers contribute, so tied weights come out right.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn import functional

from assay.deep.rows import Batch
from assay.deep.training import Net
from assay.errors import InputError

Directions = Mapping[str, torch.Tensor]  # (F, *shape) by parameter name
Rule = Callable[[Any, torch.Tensor, torch.Tensor, Callable[[str], torch.Tensor]], torch.Tensor]


def _linear(module: nn.Linear, a: torch.Tensor, g: torch.Tensor, direction: Callable[[str], torch.Tensor]) -> torch.Tensor:
    """(F, B) sum over places of g' V a + g' v; a (B, ..., i), g (B, ..., o)."""
    products = torch.stack([((g @ V) * a).flatten(1).sum(1) for V in direction("weight")])
    if module.bias is not None:
        products = products + direction("bias") @ g.reshape(len(g), -1, g.shape[-1]).sum(1).T
    return products


def _embedding(module: nn.Embedding, a: torch.Tensor, g: torch.Tensor, direction: Callable[[str], torch.Tensor]) -> torch.Tensor:
    """(F, B) sum over look-ups; a (B, ...) codes, g (B, ..., d)."""
    del module
    return torch.stack([(functional.embedding(a, V) * g).flatten(1).sum(1) for V in direction("weight")])


def _layer_norm(module: nn.LayerNorm, a: torch.Tensor, g: torch.Tensor, direction: Callable[[str], torch.Tensor]) -> torch.Tensor:
    """(F, B); a, g (B, ..., d)."""
    normal = functional.layer_norm(a, module.normalized_shape, eps=module.eps)
    products = torch.stack([(normal * g * V).flatten(1).sum(1) for V in direction("weight")])
    if module.bias is not None:
        products = products + torch.stack([(g * v).flatten(1).sum(1) for v in direction("bias")])
    return products


@runtime_checkable
class OwnRule(Protocol):
    """A module with a rule of its own for its parameters, and for those of others that it uses."""

    def ghost(self, a: torch.Tensor, g: torch.Tensor, directions: Directions) -> torch.Tensor:
        """(F, B) products with directions (by full parameter name), of its input a and the gradient g at its output."""
        ...


_RULES: dict[type[nn.Module], Rule] = {nn.Linear: _linear, nn.Embedding: _embedding, nn.LayerNorm: _layer_norm}


class Drawn(nn.Module):
    """Scores of items that all rows of a batch share, as drawn negatives are: rows (B, ..., d) times what `of` says of them.

    of(items, weights): (N, d + 1) vectors and biases of items, linear in the net's parameters `weights` (by full name), so
    that directions in their place give the vectors' change.
    """

    def __init__(self, of: Callable[[torch.Tensor, Mapping[str, torch.Tensor]], torch.Tensor]) -> None:
        super().__init__()
        self.of = of
        self.items = torch.zeros(0, dtype=torch.int64)

    def forward(self, rows: torch.Tensor, items: torch.Tensor, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(B, ..., N)."""
        self.items = items
        vectors = self.of(items, weights)
        return rows @ vectors[:, :-1].T + vectors[:, -1]

    def ghost(self, rows: torch.Tensor, g: torch.Tensor, directions: Directions) -> torch.Tensor:
        """(F, B): what the items' vectors contribute; what rows contribute is told by the layers that made them."""
        products = []
        for f in range(len(next(iter(directions.values())))):
            vectors = self.of(self.items, {name: V[f] for name, V in directions.items()})
            products.append((rows * (g @ vectors[:, :-1])).flatten(1).sum(1) + (g @ vectors[:, -1:]).flatten(1).sum(1))
        return torch.stack(products)


class Sums:
    """What layers contribute to something of every row, added up over a backward pass made while it is open."""

    def __init__(self) -> None:
        self.total: torch.Tensor | None = None

    def add(self, part: torch.Tensor) -> None:
        """What one layer contributes."""
        self.total = part if self.total is None else self.total + part

    def take(self) -> torch.Tensor:
        """The sums of the last backward pass; then it begins anew. The objective's factor of a row is in its sum."""
        assert self.total is not None, "no backward pass went through the net"
        total, self.total = self.total, None
        return total


@contextmanager
def layers(net: nn.Module, part: Callable[[str, Any, torch.Tensor, torch.Tensor], torch.Tensor]) -> Iterator[Sums]:
    """Add part(name, layer, input, gradient at its output) of every layer that has parameters or a rule of its own.

    name ends with a dot, so that name + "weight" is the parameter's. Every layer's input must have the batch's rows first.
    """
    sums, hooks = Sums(), []
    for name, module in net.named_modules():
        if type(module) in _RULES or isinstance(module, OwnRule):
            hooks.append(module.register_forward_hook(_watched(sums, f"{name}." if name else "", module, part)))
    try:
        yield sums
    finally:
        for hook in hooks:
            hook.remove()


def _watched(sums: Sums, name: str, module: nn.Module, part: Callable[..., torch.Tensor]) -> Callable[..., None]:
    def forward(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        a = inputs[0].detach()

        def backward(g: torch.Tensor) -> None:
            with torch.no_grad():
                sums.add(part(name, module, a, g))

        if output.requires_grad:
            output.register_hook(backward)

    return forward


@contextmanager
def ghost(net: Net, directions: Directions) -> Iterator[Sums]:
    """Products (F, B) of rows' gradients with directions, from layers Linear, Embedding, LayerNorm, and modules with a rule
    `ghost(input, gradient, directions)`. InputError names a parameter that no rule covers.
    """
    covered(net)
    directions = _without_padding(net, directions)

    def products(name: str, module: Any, a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        if type(module) in _RULES:
            return _RULES[type(module)](module, a, g, lambda parameter: directions[name + parameter])
        of_module: torch.Tensor = module.ghost(a, g, directions)
        return of_module

    with layers(net, products) as sums:
        yield sums


def covered(net: nn.Module) -> None:
    """InputError when a parameter belongs to a layer without a rule."""
    for name, module in net.named_modules():
        own = [key for key, _ in module.named_parameters(recurse=False)]
        if own and type(module) not in _RULES and not isinstance(module, OwnRule):
            raise InputError(
                f"no rule for the gradients of {type(module).__name__} ({name or 'the net itself'}: {own[0]}); build it of"
                " Linear, Embedding and LayerNorm, or give it a method ghost (see assay.deep.ghost)"
            )


def send_back(net: nn.Module, objective: torch.Tensor) -> None:
    """A backward pass through the output of every layer that makes no gradients of weight matrices, and keeps none."""
    ends: list[torch.Tensor] = []
    for module in net.modules():
        own = dict(module.named_parameters(recurse=False))
        ends += [own["bias"]] if isinstance(module, nn.Linear) and "bias" in own else own.values()
    torch.autograd.grad(objective, ends, allow_unused=True)


def gradient(net: Net, objective: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gradient of a number by every parameter, zeros where it plays no part; .grad is left alone."""
    named = dict(net.named_parameters())
    gradients = torch.autograd.grad(objective, list(named.values()), allow_unused=True)
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(named.items(), gradients, strict=True)}


def forward_products(net: Net, what: str, batch: Batch, directions: Directions) -> torch.Tensor:
    """(F, *shape) change of what the net's method `what` says of a batch, along each direction, by forward differentiation.

    For losses finer than a row, as those of a sequence's events. Exact for any net; no backward pass.
    """
    caller = _Caller(net, what)
    own = {f"net.{name}": value.detach() for name, value in net.named_parameters()}
    every = {f"net.{name}": V for name, V in _without_padding(net, directions).items()}

    def change(along: dict[str, torch.Tensor]) -> torch.Tensor:
        changed: torch.Tensor = torch.func.jvp(lambda p: torch.func.functional_call(caller, p, (batch,)), (own,), (along,))[1]
        return changed

    changes: torch.Tensor = torch.func.vmap(change, randomness="same")(every)  # the net itself is passed through once
    return changes


def _without_padding(net: Net, directions: Directions) -> Directions:
    """Directions that leave embeddings of padding where they are: they have no gradient."""
    kept = dict(directions)
    for name, module in net.named_modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            V = kept[f"{name}.weight"].clone()
            V[:, module.padding_idx] = 0
            kept[f"{name}.weight"] = V
    return kept


class _Caller(nn.Module):
    """A net whose forward pass is another of its methods."""

    def __init__(self, net: Net, what: str) -> None:
        super().__init__()
        self.net, self.what = net, what

    def forward(self, batch: Batch) -> torch.Tensor:
        output: torch.Tensor = getattr(self.net, self.what)(batch)
        return output
