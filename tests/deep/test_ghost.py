"""Products of rows' gradients with directions, against gradients that are made row by row."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from assay.deep.ghost import covered, forward_products, ghost, gradient  # noqa: E402
from assay.deep.training import Net  # noqa: E402
from assay.errors import InputError  # noqa: E402
from tests.deep.nets import ALL, products, random_directions, row_gradients, transformer  # noqa: E402


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max()))


@pytest.mark.parametrize("name", sorted(ALL))
def test_ghosts_are_the_products_of_the_rows_gradients(name):
    net, batch = ALL[name]()
    directions = random_directions(net)
    expected = products(row_gradients(net, batch), directions)
    with ghost(net, directions) as made:
        net.losses(batch).sum().backward()
        close(made.take(), expected)
        factor = torch.linspace(0.5, 2, expected.shape[1], dtype=torch.float64)
        (factor * net.losses(batch)).sum().backward()  # the objective's factor of a row is in its product
        close(made.take(), expected * factor)
    close(forward_products(net, "losses", batch, directions), expected)
    net.losses(batch).sum().backward()
    with pytest.raises(AssertionError):  # closed: nothing is watched
        made.take()


@pytest.mark.parametrize("name", sorted(ALL))
def test_single_precision_is_good_to_five_digits(name):
    net, batch = ALL[name]()
    expected = products(row_gradients(net, batch), random_directions(net))
    net, directions = net.float(), {n: v.float() for n, v in random_directions(net.double()).items()}
    net = net.float()
    batch = {n: v.float() if v.is_floating_point() else v for n, v in batch.items()}
    with ghost(net, directions) as made:
        net.losses(batch).sum().backward()
        close(made.take().double(), expected, 1e-5)


def test_torch_func_gives_the_same_for_a_net_of_layers():
    torch.manual_seed(0)
    net = Layers().double()
    batch = {"code": torch.tensor([[0, 2, 2], [1, 0, 4], [3, 3, 3]]), "label": torch.randn(3, dtype=torch.float64)}
    own = dict(net.named_parameters())

    def loss(weights, row):
        given = {name: value[None] for name, value in row.items()}
        return torch.func.functional_call(net, weights, (given,))[0]

    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))({n: p.detach() for n, p in own.items()}, batch)
    directions = random_directions(net, 2)
    with ghost(net, directions) as made:
        net.losses(batch).sum().backward()
        close(made.take(), products(gradients, directions))


class Layers(Net):
    """Several look-ups a row, padding, one table used twice, a layer over places, a norm without bias."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4, padding_idx=0)
        self.norm = nn.LayerNorm(4, bias=False)
        self.mix, self.out = nn.Linear(4, 4), nn.Linear(4, 1, bias=False)

    def forward(self, batch):
        x = self.mix(self.norm(self.table(batch["code"])))  # (B, 3, 4)
        return (self.out(x.tanh().sum(1) + self.table(batch["code"][:, 0]))[:, 0] - batch["label"]) ** 2

    def losses(self, batch):
        return self(batch)


def test_positions_of_sequences_by_forward_differentiation():
    net, batch = transformer()
    directions = random_directions(net, 2)
    found = forward_products(net, "parts", batch, directions)
    assert found.shape == (2, *net.parts(batch).shape)
    with ghost(net, directions) as made:
        net.losses(batch).sum().backward()
        close(found.sum(2), made.take())


def test_a_direction_that_is_a_gradient_gives_its_squared_length():
    net, batch = ALL["dcn"]()
    whole = gradient(net, net.losses(batch).sum())
    with ghost(net, {name: g[None] for name, g in whole.items()}) as made:
        net.losses(batch).sum().backward()
    assert float(made.take().sum()) == pytest.approx(sum(float((g**2).sum()) for g in whole.values()), rel=1e-10)


def test_a_layer_without_a_rule_is_named():
    class Odd(Net):
        def __init__(self):
            super().__init__()
            self.inner = nn.Conv1d(1, 1, 1)

    with pytest.raises(InputError, match=r"no rule for the gradients of Conv1d \(inner: weight\)"):
        covered(Odd())
