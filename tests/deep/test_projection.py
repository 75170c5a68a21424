"""Projections against gradients made row by row and the random directions written out."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from assay.deep.projection import projected, signs  # noqa: E402
from assay.errors import InputError  # noqa: E402
from tests.deep.nets import ALL, dcn, row_gradients  # noqa: E402


class Places(nn.Module):
    """All kinds of layers, over rows with several places."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(6, 4, padding_idx=0)
        self.norm, self.out = nn.LayerNorm(4), nn.Linear(4, 2)

    def margins(self, batch):
        return self.out(torch.tanh(self.norm(self.table(batch["codes"])))).sum((1, 2))


def places(rows=7):
    torch.manual_seed(3)
    return Places().double().eval(), {"codes": torch.randint(0, 6, (rows, 3))}


def written_out(drawn, net, k):
    """{parameter: (k, *shape)}: the directions of single coordinates."""
    out = {}
    for name, p in net.named_parameters():
        if f"{name}.left" in drawn:
            left, right = drawn[f"{name}.left"].double(), drawn[f"{name}.right"].double()
            out[name] = torch.einsum("ok,ik->koi", left, right) / k**0.5
        else:
            out[name] = drawn[name].double().T / k**0.5
        assert out[name].shape == (k, *p.shape)
    return out


@pytest.mark.parametrize("made", [dcn, places])
def test_they_are_products_with_directions_of_random_signs(made):
    net, batch = made()
    drawn = signs(net, 8, seed=4)
    assert all(set(values.unique().tolist()) <= {-1, 1} for values in drawn.values())
    with projected(net, drawn) as features:
        torch.autograd.grad(net.margins(batch).sum(), list(net.parameters()), allow_unused=True)
        found = features.take()
    each, directions = row_gradients(net, batch, "margins"), written_out(drawn, net, 8)
    expected = sum(each[n].flatten(1) @ directions[n].flatten(1).T for n in directions)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_products_of_projections_are_those_of_gradients_on_average():
    net, batch = dcn()
    flat = torch.cat([g.flatten(1) for g in row_gradients(net, batch, "margins").values()], 1)
    exact, found = (flat @ flat.T).numpy(), []
    for seed in range(30):
        with projected(net, signs(net, 256, seed)) as features:
            torch.autograd.grad(net.margins(batch).sum(), list(net.parameters()), allow_unused=True)
            made = features.take()
        found.append((made @ made.T).numpy())
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - exact) < 5 * error + 1e-9)
    assert np.linalg.norm(np.mean(found, axis=0) - exact) < 0.1 * np.linalg.norm(exact)


def test_one_seed_one_projection():
    net, _ = dcn()
    one, same, other = (signs(net, 8, seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_layers_without_a_rule_are_named():
    with pytest.raises(InputError, match="Conv1d"):
        signs(nn.Conv1d(2, 2, 1), 4, 0)
    with pytest.raises(InputError, match="scores: items that rows share cannot be projected; use tracin"):
        signs(ALL["two_tower"]()[0], 4, 0)
