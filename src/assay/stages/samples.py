"""Turn events into labelled samples with features, split by time."""

from assay.config import Config
from assay.logs.sources.places import matching
from assay.pages.samples import SamplesMade
from assay.runs.stage import Work, stage
from assay.runs.store import Folder
from assay.samples.candidates import sources
from assay.samples.describe import families
from assay.samples.make import make_samples


def _files(config: Config, _folder: Folder) -> object:
    """The user's own table and families of features, which may change without the config."""
    read: dict[str, object] = {}
    if config.table is not None:
        read["table"] = [place.digest(place.size()) for place in matching(config.table.path) if place.exists()]
    if config.samples.features is not None:
        read["families"] = [family.select for family in families(config.samples.features)]
    return read


def _sources(config: Config) -> None:
    """Raise now where a source of candidates is none."""
    sources.check(config.samples)


@stage(
    follows=("clean",),
    reads=("table", "samples", "encode", "evaluate.groups", "text", "seed"),
    makes=("samples/*",),
    pages=(SamplesMade,),
    outside=_files,
    check=_sources,
)
def samples(work: Work) -> None:
    """samples/: labelled samples of the four splits, candidates, what is to be recommended, the encoder, the account."""
    work.folder.keep(make_samples(work.config, work.folder, work.progress))
