"""The scoreboard: what every system scored on every request of a test set, from which all is answered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError, did_you_mean
from assay.numerics.names import is_of_all_lists
from assay.runs.store import write_parquet
from assay.shown import html_table

Floats = NDArray[np.float64]

_KEY = b"assay.scoreboard"
_FORMAT = 2
RESERVED = ("system", "family", "request_id", "user")  # of to_table
_NO_ATTRIBUTES: Mapping[str, pa.Array] = {}


@dataclass(frozen=True)
class Scoreboard:
    """S systems scored on R requests by some measures; higher is better.

    request: (R,) distinct ids, text or integers. user: (R,) ids of who asked, coded on entry as int64 from 0 in
    order of id; requests of one user are not independent. systems: S distinct names. families: S names, systems
    of one family are variants of each other. scores: measure -> (S, R) float64 without NaN; a request that a
    measure cannot score must be left out or count 0. attributes: name -> (R,) of the requests. benchmark:
    name, version and fingerprint of the kept benchmark that the scores were made on, "" for none.

    InputError: a score is NaN or infinite, a system or a request is there twice, something has another length.
    """

    request: pa.Array
    user: NDArray[np.int64]
    systems: tuple[str, ...]
    families: tuple[str, ...]
    scores: Mapping[str, Floats]
    attributes: Mapping[str, pa.Array] = field(default_factory=lambda: _NO_ATTRIBUTES)
    benchmark: str = ""

    def __post_init__(self) -> None:
        request = _plain(self.request)
        users = _plain(self.user)
        names, families = tuple(self.systems), tuple(self.families)
        if not len(request):
            raise InputError("no requests: there is nothing to compare systems on")
        if request.null_count or users.null_count:
            column = "request" if request.null_count else "user"
            raise InputError(f"a {column} id is null; every request needs its {column}")
        twice = request.value_counts()
        if len(twice) < len(request):
            name = next(one["values"] for one in twice.to_pylist() if one["counts"] > 1)
            raise InputError(f"request {name!r} is there twice; give every request one score a system")
        for what, length in (("user", len(users)), *((f"attribute {name!r}", len(c)) for name, c in self.attributes.items())):
            if length != len(request):
                raise InputError(f"{what} has {length} entries for {len(request)} requests; give one per request")
        refuse_names(self.attributes, self.scores)
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise InputError(f"system {repeated[0]!r} is there twice; give every system a name of its own")
        if len(families) != len(names):
            raise InputError(f"{len(families)} families for {len(names)} systems; give one per system")
        if not names or not self.scores:
            raise InputError("no systems or no measures: there is nothing to compare")
        code = np.unique(users.to_numpy(zero_copy_only=False), return_inverse=True)[1].astype(np.int64)
        scores = {name: _checked(name, values, names, request) for name, values in self.scores.items()}
        attributes = {name: _plain(column) for name, column in self.attributes.items()}
        checked = {
            "request": request,
            "user": code,
            "systems": names,
            "families": families,
            "scores": scores,
            "attributes": attributes,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures."""
        return tuple(self.scores)

    @property
    def users(self) -> int:
        """How many users there are."""
        return int(self.user.max()) + 1

    def of(self, measure: str) -> Floats:
        """Scores (S, R) of a measure."""
        if measure not in self.scores:
            hint = did_you_mean(measure, self.scores) or f"; there are {', '.join(self.scores)}"
            raise InputError(f"measure {measure!r} is not on this scoreboard{hint}")
        return self.scores[measure]

    def means(self, measure: str) -> Floats:
        """Mean over requests (S,)."""
        return np.asarray(self.of(measure).mean(axis=1))

    def _repr_html_(self) -> str:
        """The systems' means, the best by the first measure on top, for a notebook."""
        means = [self.means(measure) for measure in self.measures]
        rows = [(self.systems[s], *(float(column[s]) for column in means)) for s in np.argsort(-means[0], kind="stable")]
        above = f"{len(self.systems)} systems on {len(self.request):,} requests of {self.users:,} users; means"
        return html_table(rows, ("system", *self.measures), above=above)

    def number(self, system: str) -> int:
        """Place of a system among the systems."""
        if system not in self.systems:
            hint = did_you_mean(system, self.systems) or f"; there are {', '.join(self.systems[:8])}"
            raise InputError(f"system {system!r} is not on this scoreboard{hint}")
        return self.systems.index(system)

    def several(self, least: int = 2) -> Self:
        """Itself; InputError when fewer than `least` systems are there to be compared."""
        if len(self.systems) < least:
            raise InputError(f"{len(self.systems)} system(s): a comparison needs at least {least}; add runs")
        return self

    def take_systems(self, systems: Sequence[str]) -> Self:
        """The same requests, these systems only, in this order."""
        rows = [self.number(name) for name in systems]
        scores = {name: values[rows] for name, values in self.scores.items()}
        return replace(self, systems=tuple(systems), families=tuple(self.families[row] for row in rows), scores=scores)

    def take_requests(self, rows: ArrayLike) -> Self:
        """The same systems, these requests only: positions (n,), or (R,) booleans.

        Fewer requests have no coverage, Gini index or popularity lift: what all lists have together is no mean of these
        requests' parts.
        """
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == np.bool_ else at.astype(np.int64)
        taken = pa.array(at)
        left = [name for name in self.scores if len(at) == len(self.request) or not is_of_all_lists(name)]
        return replace(
            self,
            request=self.request.take(taken),
            user=self.user[at],
            scores={name: self.scores[name][:, at] for name in left},
            attributes={name: column.take(taken) for name, column in self.attributes.items()},
        )

    def join(self, other: Self) -> Self:
        """The systems of both, on the measures of both; the requests are in this one's order.

        InputError: the two were made on different benchmarks or versions, name other requests, share no measure or
        have a system of one name.
        """
        if self.benchmark != other.benchmark:
            here, there = (board.benchmark or "no kept benchmark" for board in (self, other))
            raise InputError(f"results of {here} and of {there} cannot be compared: score the systems on one version")
        names, others = (board.request.cast(pa.string()) for board in (self, other))
        at = pc.index_in(names, others)
        if at.null_count or len(others) != len(names):
            raise InputError(
                f"{other.systems[0]!r} was scored on {len(others)} requests and {self.systems[0]!r} on {len(names)}, "
                f"of which {at.null_count} are not among the former; score both on the same"
            )
        shared = [name for name in self.scores if name in other.scores]
        if not shared:
            raise InputError(f"no measure in common: {', '.join(self.scores)} and {', '.join(other.scores)}")
        moved = other.take_requests(at.to_numpy())
        scores = {name: np.vstack([self.scores[name], moved.scores[name]]) for name in shared}
        systems, families = self.systems + other.systems, self.families + other.families
        return replace(self, systems=systems, families=families, scores=scores)

    def to_table(self) -> pa.Table:
        """One row per system and request: system, family, request_id, user, the attributes, one column per measure."""
        S, R = len(self.systems), len(self.request)
        each = pa.array(np.repeat(np.arange(S, dtype=np.int32), R))
        again = pa.array(np.tile(np.arange(R), S))
        columns = {
            "system": pa.DictionaryArray.from_arrays(each, pa.array(self.systems, pa.string())),
            "family": pa.array(self.families, pa.string()).take(each).dictionary_encode(),
            "request_id": self.request.take(again),
            "user": np.tile(self.user, S),
            **{name: column.take(again) for name, column in self.attributes.items()},
            **{name: values.ravel() for name, values in self.scores.items()},
        }
        about = {"format": _FORMAT, "measures": [*self.scores], "attributes": [*self.attributes], "benchmark": self.benchmark}
        return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(about)})

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """A scoreboard from `to_table`'s table, its rows in any order; requests are in order of the first system's rows.

        InputError when the table is no such table, or when a system was not scored on exactly the requests of the others.
        """
        try:
            about = dict(json.loads((table.schema.metadata or {}).get(_KEY, b"{}")))
            table.select(["system", "family", "request_id", "user", *about["measures"], *about["attributes"]])
        except (ValueError, TypeError, KeyError):
            about = {}
        if about.get("format") != _FORMAT:
            raise InputError(f"the table is no scoreboard of format {_FORMAT}: make it by Scoreboard.to_table or write")
        coded = table.column("system").combine_chunks()
        coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
        systems, code = coded.dictionary.to_pylist(), coded.indices.to_numpy()
        ids = _plain(table.column("request_id")).dictionary_encode()
        S, R = len(systems), len(ids.dictionary)
        cell = code.astype(np.int64) * R + ids.indices.to_numpy()
        count = np.bincount(cell, minlength=S * R)
        if (count != 1).any():
            wrong = int(np.flatnonzero(count != 1)[0])
            name, request = systems[wrong // R], ids.dictionary[wrong % R].as_py()
            raise InputError(f"system {name!r} has {count[wrong]} scores on request {request!r}; give one for each")
        order = np.argsort(cell)
        first = table.take(pa.array(order[:R]))
        return cls(
            ids.dictionary,
            first.column("user").to_numpy(),
            tuple(systems),
            tuple(table.column("family").take(pa.array(order[::R])).to_pylist()),
            {name: table.column(name).to_numpy()[order].reshape(S, R) for name in about["measures"]},
            {name: first.column(name) for name in about["attributes"]},
            about.get("benchmark", ""),
        )

    def write(self, path: Path | str) -> None:
        """Write `to_table` as Parquet, whole or not at all."""
        write_parquet(Path(path), self.to_table())

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The scoreboard that `write` wrote."""
        try:
            return cls.from_table(pq.read_table(path))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: cannot be read as a scoreboard ({error}); write it with Scoreboard.write") from None


def refuse_names(attributes: Iterable[str], measures: Iterable[str]) -> None:
    """InputError: an attribute of requests is called as a column of a scoreboard's table or as a measure."""
    taken = {*RESERVED, *measures}
    for name in attributes:
        if name in taken:
            raise InputError(f"attribute {name!r} of the requests has the name of a column or measure of scores; rename it")


def _plain(column: Any) -> pa.Array:
    """One Arrow array, without chunks or dictionary."""
    array = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _checked(measure: str, values: ArrayLike, systems: Sequence[str], request: pa.Array) -> Floats:
    array = np.asarray(values, np.float64)
    if array.shape != (len(systems), len(request)):
        raise InputError(f"{measure} has shape {array.shape}; {len(systems)} systems and {len(request)} requests are named")
    wrong = ~np.isfinite(array)
    if wrong.any():
        s, r = np.argwhere(wrong)[0]
        where = f"{measure} of system {systems[s]!r} on request {request[int(r)].as_py()!r}"
        raise InputError(f"{where} is {array[s, r]} ({int(wrong.sum())} such scores); score it, or leave the request out")
    return array
