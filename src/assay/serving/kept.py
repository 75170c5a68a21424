"""Kept benchmarks that are served: their versions, audit, boards, use, and systems over the versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.benchmark.inputs import alike, codes
from assay.benchmark.keep.folder import Kept
from assay.benchmark.keep.renewal import status
from assay.errors import InputError, NotThereError, did_you_mean
from assay.language import english
from assay.pages.kept import AboutKept, Consulted, Fared, KeptList, KeptPage, Use, Version
from assay.pages.trust import Audit
from assay.serving.boards import Test
from assay.serving.shared import Shared


@dataclass(frozen=True)
class Shelf:
    """Kept benchmarks with their tests, by label; and the tests of the runs that are served with them, by the run's name."""

    kept: Mapping[str, Kept]
    tests: Mapping[str, Test]
    runs: Mapping[str, Test]

    def listed(self) -> KeptList:
        """All of them."""
        every = sorted(self.kept.values(), key=lambda kept: (kept.name, -kept.version, kept.fingerprint))
        return KeptList(benchmarks=[self._about(kept) for kept in every])

    def of(self, label: str) -> Kept:
        """The benchmark of a label. NotThereError: there is none."""
        if label not in self.kept:
            close = did_you_mean(label, self.kept)
            raise NotThereError(
                english("no benchmark is called {name}{hint}; /api/benchmarks lists them", name=repr(label[:120]), hint=close)
            )
        return self.kept[label]

    def page(self, label: str, measure: str | None = None, *, page: int = 1, size: int = 50) -> KeptPage:
        """All about a benchmark; page, size: of the times that it was consulted. NotThereError: no such benchmark or measure."""
        kept = self.of(label)
        test = self.tests[label]
        board = None if test.benchmark.scores is None else test.board(measure)
        run, audit = self._audit(test)
        versions = self._versions(kept)
        return KeptPage(
            **dict(self._about(kept)),
            card=kept.card.known(),
            audit=audit,
            audited=run,
            board=board,
            use=use(kept, page=page, size=size),
            versions=[Version(**dict(self._about(one)), shared=_shared(self.tests[one.label], test)) for one in versions],
            history=[] if board is None else self._history(versions[::-1], board.measure),
        )

    def _about(self, kept: Kept) -> AboutKept:
        test = self.tests[kept.label]
        scores = test.benchmark.scores
        return AboutKept(
            benchmark=kept.label,
            name=kept.name,
            version=kept.version,
            fingerprint=kept.fingerprint,
            replaces=kept.replaces,
            requests=len(kept.benchmark),
            users=len(kept.benchmark.requests.column("user_id").unique()),
            systems=0 if scores is None else len(scores.systems),
            measures=list(kept.benchmark.measures if scores is None else scores.measures),
        )

    def _versions(self, kept: Kept) -> list[Kept]:
        """All that are served of its name, the newest first."""
        same = [one for one in self.kept.values() if one.name == kept.name]
        return sorted(same, key=lambda one: (-one.version, one.fingerprint))

    def _history(self, versions: Sequence[Kept], measure: str) -> list[Fared]:
        """Systems on each version that was scored by the measure."""
        lines = []
        for kept in versions:
            test = self.tests[kept.label]
            if test.benchmark.scores is None or measure not in test.scores.measures:
                continue
            for system, one in test.board(measure).means[measure].items():
                fared = {"system": system, "benchmark": kept.label, "version": kept.version, "requests": len(kept.benchmark)}
                lines.append(Fared.model_validate(fared | one.ends()))
        return lines

    def _audit(self, test: Test) -> tuple[str | None, Audit | None]:
        """The first run whose test holds all requests, and what its audit found."""
        for name, own in self.runs.items():
            column, ids = alike(
                test.benchmark.requests.column("request_id"), own.benchmark.requests.column("request_id").combine_chunks()
            )
            if (codes(column, ids) >= 0).all() and own.run.exists(Audit.path):
                return name, Audit.read(own.run)
        return None, None


def use(kept: Kept, *, page: int = 1, size: int = 50) -> Use:
    """How often a benchmark was consulted so far, one page of the times, the latest first."""
    told, times = status(kept), kept.uses()[::-1]
    return Use(
        counts=told.uses,
        consulting=told.systems,
        first=told.first,
        last=told.last,
        flattered=told.flattered,
        precision=told.precision,
        renew=list(told.renew),
        total=len(times),
        page=page,
        size=size,
        times=[Consulted(**one) for one in times[(page - 1) * size : page * size]],
    )


def _shared(one: Test, other: Test) -> int:
    try:
        return len(Shared.of(one, other).a)
    except InputError:  # none
        return 0
