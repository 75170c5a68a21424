"""Every source of candidates by its name."""

from collections.abc import Mapping, Sequence

from assay.errors import ConfigError, did_you_mean
from assay.samples.candidates.base import Source
from assay.samples.candidates.categories import Categories
from assay.samples.candidates.co_purchase import CoPurchase
from assay.samples.candidates.ease import Ease
from assay.samples.candidates.own import Own
from assay.samples.candidates.popular import Popular
from assay.samples.candidates.session_next import SessionNext
from assay.samples.candidates.texts import Texts
from assay.samples.candidates.tifu_knn import TifuKnn
from assay.samples.candidates.user_knn import UserKnn

_SOURCES: tuple[type[Source], ...] = (Own, Popular, Categories, UserKnn, CoPurchase, Ease, TifuKnn, SessionNext, Texts)
NAMES = tuple(source.name for source in _SOURCES)  # bits of a candidate's `source`, in this order

SCORED = (Categories.name, UserKnn.name)  # whose scores are features


def make() -> dict[str, Source]:
    """Every source, in the order of NAMES."""
    return {source.name: source() for source in _SOURCES}


def check(names: Sequence[str], sizes: Mapping[str, int]) -> None:
    """Raise ConfigError for a name that is none, and for sizes that are all 0.

    names, sizes: [samples] candidate_sources and candidate_sizes.
    """
    for key, of in (("candidate_sources", names), ("candidate_sizes", sizes)):
        for name in of:
            if name not in NAMES:
                known = ", ".join(NAMES)
                raise ConfigError(f"[samples] {key}: unknown source {name!r}{did_you_mean(name, NAMES)}; known: {known}")
    if sizes and not any(sizes.values()):
        raise ConfigError("[samples] candidate_sizes are all 0, so nothing would be ranked; give one of them more")
