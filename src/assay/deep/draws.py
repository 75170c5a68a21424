"""Random numbers of a training: they follow from its seed, are drawn again where a step is replayed, and are no caller's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

PROCESSOR = torch.device("cpu")


@dataclass(frozen=True)
class Draws:
    """What PyTorch draws next on the processor, and on the device that a net is on: dropout masks, negatives."""

    place: torch.device
    processor: torch.Tensor
    gpu: torch.Tensor | None

    @classmethod
    def now(cls, place: torch.device) -> "Draws":
        """The present state of both."""
        gpu = torch.cuda.get_rng_state(place) if place.type == "cuda" else None
        return cls(place, torch.get_rng_state(), gpu)

    def restore(self) -> None:
        """Have the same numbers drawn again from here on."""
        torch.set_rng_state(self.processor)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu, self.place)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers inside; what is drawn afterwards is as if nothing had been drawn."""
        outside = Draws.now(self.place)
        self.restore()
        try:
            yield
        finally:
            outside.restore()


@contextmanager
def left_alone(place: torch.device) -> Iterator[None]:
    """Whatever is seeded or drawn inside, the random state of the processor and of the device is as before afterwards."""
    with Draws.now(place).again():
        yield


def seed_draws(seed: int, place: torch.device) -> None:
    """Have what is drawn on the processor and on the device follow from a seed; other devices are left alone."""
    torch.default_generator.manual_seed(seed)
    if place.type == "cuda":
        with torch.cuda.device(place):
            torch.cuda.manual_seed(seed)
