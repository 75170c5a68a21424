"""Every row's gradient projected on a few random directions, and no row's gradient is ever made.

Coordinate j of a layer's gradient, the sum over places of g a', is u_j' (g a') v_j = (g . u_j)(a . v_j) with u_j and v_j of
random signs: u_j v_j' is a Rademacher direction whose product costs the layer's width, not its size. Layers are added up, so
products of projections are unbiased for those of gradients; each is 1 / sqrt(k) of a coordinate. (Rademacher projections as in
Park et al., "TRAK", ICML 2023; factors a layer as in Choe et al., "What is your data worth to GPT?", 2024.)
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from assay.deep.ghost import OwnRule, Sums, covered, layers
from assay.errors import InputError

Signs = dict[str, torch.Tensor]  # (size, k) of +1 and -1 by name


def signs(net: nn.Module, k: int, seed: int) -> Signs:
    """Random signs of every layer: NAME.weight.left and .right for outer products, NAME.bias for vectors.

    InputError: a layer without a rule.
    """
    covered(net)
    generator = torch.Generator().manual_seed(seed)

    def drawn(size: int) -> torch.Tensor:
        return torch.randint(0, 2, (size, k), generator=generator, dtype=torch.int8) * 2 - 1

    by_name: Signs = {}
    for name, module in net.named_modules():
        if type(module) not in _RULES:
            if isinstance(module, OwnRule):
                raise InputError(f"{name}: items that rows share cannot be projected; use tracin for this net")
            continue
        own = f"{name}." if name else ""
        for parameter, value in module.named_parameters(recurse=False):
            if value.ndim == 2:
                by_name[f"{own}{parameter}.left"], by_name[f"{own}{parameter}.right"] = (drawn(size) for size in value.shape)
            else:
                by_name[own + parameter] = drawn(len(value))
    return by_name


@contextmanager
def projected(net: nn.Module, signs: Signs) -> Iterator[Sums]:
    """Take (B, k) from it after each backward pass: rows' gradients on k directions."""

    def part(name: str, module: Any, a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        products = _RULES[type(module)](module, a, g, lambda parameter: signs[name + parameter])
        k = products.shape[-1]
        return products.reshape(len(g), -1, k).sum(1) / math.sqrt(k)

    with layers(net, part) as sums:
        yield sums


def _linear(module: nn.Linear, a: torch.Tensor, g: torch.Tensor, of: Callable[[str], torch.Tensor]) -> torch.Tensor:
    products = _sums(g, of("weight.left")) * _sums(a, of("weight.right"))
    return products if module.bias is None else products + _sums(g, of("bias"))


def _embedding(module: nn.Embedding, a: torch.Tensor, g: torch.Tensor, of: Callable[[str], torch.Tensor]) -> torch.Tensor:
    products = _sums(g, of("weight.right")) * functional.embedding(a, of("weight.left"))
    if module.padding_idx is not None:
        products = products * (a != module.padding_idx)[..., None]
    return products


def _layer_norm(module: nn.LayerNorm, a: torch.Tensor, g: torch.Tensor, of: Callable[[str], torch.Tensor]) -> torch.Tensor:
    products = _sums(functional.layer_norm(a, module.normalized_shape, eps=module.eps) * g, of("weight"))
    return products if module.bias is None else products + _sums(g, of("bias"))


def _sums(values: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """(..., k) sums of (..., size) under (size, k) signs."""
    return values @ signs.to(values.dtype)


_RULES: dict[type[nn.Module], Callable[..., torch.Tensor]] = {
    nn.Linear: _linear,
    nn.Embedding: _embedding,
    nn.LayerNorm: _layer_norm,
}
