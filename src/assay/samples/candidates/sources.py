"""Every source of candidates by its name."""

from assay.config import SamplesSection
from assay.errors import ConfigError, did_you_mean
from assay.samples.candidates.base import Source
from assay.samples.candidates.categories import Categories
from assay.samples.candidates.co_purchase import CoPurchase
from assay.samples.candidates.ease import Ease
from assay.samples.candidates.following import Following
from assay.samples.candidates.own import Own
from assay.samples.candidates.popular import Popular
from assay.samples.candidates.session_next import SessionNext
from assay.samples.candidates.texts import Texts
from assay.samples.candidates.tifu_knn import TifuKnn
from assay.samples.candidates.user_knn import UserKnn

_SOURCES: tuple[type[Source], ...] = (
    Own, Popular, Categories, UserKnn, CoPurchase, Ease, TifuKnn, SessionNext, Texts, Following,
)  # fmt: skip
NAMES = tuple(source.name for source in _SOURCES)  # bits of a candidate's `source`, in this order

# By what is ranked for: the sources that sizes are chosen for unless the config says, and those whose scores are features.
USUAL = {
    "user": (Own.name, Popular.name, Categories.name, UserKnn.name),
    "session": (Own.name, Popular.name, Categories.name, CoPurchase.name, SessionNext.name, Following.name),
}
SCORED = {
    "user": (Categories.name, UserKnn.name),
    "session": (Own.name, Categories.name, CoPurchase.name, SessionNext.name, Following.name),
}
_OF_USERS = (UserKnn.name, TifuKnn.name)  # that go by likeness to users, whom a step of a session does not name


def make() -> dict[str, Source]:
    """Every source, in the order of NAMES."""
    return {source.name: source() for source in _SOURCES}


def scored(section: SamplesSection) -> tuple[str, ...]:
    """Names of the sources whose scores are features, in the order of NAMES."""
    names = SCORED[section.request] if section.candidate_scores is None else section.candidate_scores
    return tuple(name for name in NAMES if name in names)


def check(section: SamplesSection) -> None:
    """Raise ConfigError for a source of [samples] that is none, or that steps of sessions cannot ask; and for sizes all 0."""
    sizes = section.candidate_sizes
    named = {
        "candidate_sources": section.candidate_sources,
        "candidate_scores": section.candidate_scores,
        "candidate_sizes": sizes,
    }
    for key, of in named.items():
        for name in of or ():
            if name not in NAMES:
                known = ", ".join(NAMES)
                raise ConfigError(f"[samples] {key}: unknown source {name!r}{did_you_mean(name, NAMES)}; known: {known}")
            if section.request == "session" and name in _OF_USERS:
                others = ", ".join(other for other in NAMES if other not in _OF_USERS)
                raise ConfigError(
                    f'[samples] {key}: {name!r} goes by users, not by sessions; with request = "session" take {others}'
                )
    if sizes and not any(sizes.values()):
        raise ConfigError("[samples] candidate_sizes are all 0, so nothing would be ranked; give one of them more")
