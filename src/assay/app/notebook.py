"""Runs from Python: make one of tables or a config, open one, and read what it holds. For notebooks, and for scripts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay import config as configs
from assay import stages
from assay.app import terminal
from assay.app.progress import bars
from assay.app.sections.facts import Facts
from assay.config import Config
from assay.errors import InputError
from assay.finished import Finished
from assay.importance.stored import values_file
from assay.progress import Report
from assay.serving import stored
from assay.shown import html_table

_SHOWN = ("read", "cleaned", "learnt", "gained", "recommended")  # lines of the closing table that a notebook shows
_KEYS = ("sample_id", "key", "user_id", "item_id", "timestamp", "label")  # columns that say what a sample is


class Run(Finished):
    """A finished run, read-only: `assay.run` and `assay.open` return it.

    It is read lazily, takes no lock and needs no log. Nothing is computed for it that its folder does not hold, and no code is
    run that its config names. While another process works in the folder, what is read is of one run, or an InputError.
    """

    def __repr__(self) -> str:
        finished = [name for name in (*stages.RUN, *stages.BESIDE) if name in self.stages]
        return f"<assay.Run {str(self.folder)!r}: {', '.join(finished) or 'nothing yet'}>"

    def _repr_html_(self) -> str:
        rows = [("run", str(self.folder))]
        rows += [(name, text) for name, text, _ in terminal.closing(self) if name in _SHOWN]
        return html_table(rows)

    def values(self, valuer: str | None = None) -> pa.Table:
        """What each training sample is worth, with who and what it is of.

        Parameters
        ----------
        valuer : str, optional
            A name of `[value] valuers`; by default the one that the selection was made by.

        Returns
        -------
        pyarrow.Table
            One row per training sample: sample_id (int64), the user's own key where the config names one, user_id, item_id,
            timestamp, label, value (float64, in the utility's unit: nats per validation row for influence; higher is more
            useful), stderr and z (float64, NaN where the valuer has no folds).

        Raises
        ------
        InputError
            The run holds no values by this valuer.
        """
        name = valuer or self.config.select.valuer
        if not self.exists(values_file(name) + ".parquet"):
            raise InputError(f"{self.folder}: holds no values by {name!r}; it has: {', '.join(self._valuers()) or 'none'}")
        values = self.importance(name).table()
        rows = self.read_table("samples/samples.parquet")
        rows = rows.select([column for column in _KEYS if column in rows.column_names])
        at = pc.index_in(values.column("sample_id"), value_set=rows.column("sample_id"))
        table = rows.take(at)
        for column in ("value", "stderr", "z"):
            table = table.append_column(column, values.column(column))
        return self._as_shown(table)

    def weights(self) -> pa.Table:
        """The weight of each training sample after selection; 0 for one that is left out.

        Returns
        -------
        pyarrow.Table
            sample_id (int64), the user's own key where the config names one, and weight (float64), in the order of the training
            samples.

        Raises
        ------
        InputError
            The run has not selected yet.
        """
        return self.read_table("selection/weights.parquet")

    def recommend(self, user: object, n: int = 10) -> list[dict[str, Any]]:
        """The items that the run recommends to a user, best first.

        Parameters
        ----------
        user : str or int
            The id that the log has, or the one that the report shows where ids are hashed.
        n : int
            The most items; the run holds `[recommend] per_user` of them.

        Returns
        -------
        list of dict
            item_id, rank, score, reason, name and category of each. A user whom the log does not know gets what anybody gets.

        Raises
        ------
        InputError
            The run has not recommended yet, or is of a kind that does not recommend.
        """
        items = stored.recommendations(self, str(user)).recommendations
        return [item.model_dump() for item in items[: _positive(n)]]

    def search(self, query: str, user: object | None = None, n: int = 10) -> list[dict[str, Any]]:
        """The items that fit a query, best first.

        Parameters
        ----------
        query : str
            What is looked for, in any script.
        user : str or int, optional
            Whose past counts; by default nobody's.
        n : int
            The most items.

        Returns
        -------
        list of dict
            rank, item_id, name, score and the reasons of each: words, rank_by_words, rank_by_vectors, taken_by_user,
            taken_lately, clicks_for_query, purchases_for_query.

        Raises
        ------
        InputError
            The query is empty, or the run has no search yet: `run = run.add("search")` makes it.
        """
        if "search" not in self.stages:
            raise InputError(
                f"{self.folder}: the stage 'search' has not run there; run it first, which takes minutes:"
                ' run = run.add("search"), or: assay search FOLDER QUERY'
            )
        answer = stored.search(self, query, user_id=None if user is None else str(user), number=_positive(n))
        return [item.model_dump() for item in answer.items]

    def explain(self, sample_id: int | None = None, *, user: object | None = None, item: object | None = None) -> dict[str, Any]:
        """Why a training sample is worth what it is; or, for a user and an item, which samples made the score of a candidate.

        Parameters
        ----------
        sample_id : int, optional
            A training sample, as `values` lists them.
        user, item : str or int, optional
            Ids of a candidate of the coming period, both together, in place of sample_id.

        Returns
        -------
        dict
            For a sample its value, probability, leverage, columns and the validation rows that it helped and hurt. For a
            candidate its probability, columns and the training samples that speak for and against it.

        Raises
        ------
        InputError
            No such sample or candidate, or not one of the two.
        """
        ids = [None if ident is None else str(ident) for ident in (sample_id, user, item)]
        return stored.explain(self, sample_id=ids[0], user_id=ids[1], item_id=ids[2]).model_dump()

    def report(self) -> Path:
        """Write report.html into the run's folder, one page that needs no network, and return its path."""
        from assay.app import report

        return report.write(self)

    def to_mlflow(self, uri: str | None = None, experiment: str | None = None) -> str:
        """Log the run to an MLflow server, or update its entry: a run that is logged twice is one entry.

        Parameters
        ----------
        uri : str, optional
            The server, as https://mlflow.example.com or sqlite:///mlflow.db; by default MLFLOW_TRACKING_URI.
        experiment : str, optional
            By default MLFLOW_EXPERIMENT_NAME, else "assay".

        Returns
        -------
        str
            The run's id at MLflow.

        Raises
        ------
        InputError
            The run is not finished, no server is named or it does not take the run, or mlflow is not installed.
        """
        from assay.front import tracking

        self.report()
        return tracking.log(self, uri, experiment).run_id

    def add(self, stage: str, *, report: Report | None = None) -> "Run":
        """Do a stage that stands beside the run, and open the run again.

        Parameters
        ----------
        stage : str
            verify, slices, anomalies, weights, systems, study, protocols or search.
        report : callable, optional
            Called with (stage, done, total) as the work goes on; by default bars are drawn where there is a terminal.

        Returns
        -------
        Run
            The run with what the stage made.

        Raises
        ------
        InputError
            Another process works in the folder, or the run lacks what the stage follows.
        """
        from assay import front

        with bars() as drawn:
            front.add(self.folder, stage, report=report or drawn)
        return Run(self.folder)

    def _valuers(self) -> list[str]:
        """Names of the valuers whose values the run holds."""
        return [name for name in self.config.value.valuers if self.exists(values_file(name) + ".parquet")]

    def _as_shown(self, table: pa.Table) -> pa.Table:
        """A table with its ids as they may be shown."""
        if not self.config.show.hash_ids:
            return table
        facts = Facts(self, hash_ids=True)
        for name in {"user_id", "item_id", "key"} & set(table.column_names):
            coded = table.column(name).combine_chunks().dictionary_encode()
            shown = pa.array([None if v is None else facts.shown(v) for v in coded.dictionary.to_pylist()], pa.string())
            table = table.set_column(table.column_names.index(name), name, shown.take(coded.indices))
        return table


def run(
    config: Config | Mapping[str, Any] | Path | str | None = None,
    *,
    events: object = None,
    items: object = None,
    users: object = None,
    columns: Mapping[str, str] | None = None,
    folder: Path | str | None = None,
    until: str | None = None,
    report: Report | None = None,
    **sections: Any,
) -> Run:
    """Do all stages of a run, of tables in memory or of a config, and open it. What stands in the folder is not done again.

    Parameters
    ----------
    config : Config, dict, str or Path, optional
        A config, or the TOML file of one. Either this, or events.
    events : table, optional
        The log, one row per event: pandas, Polars, PyArrow, a DuckDB relation, or whatever else speaks the Arrow C stream. It is
        kept whole in the folder, as input/events.parquet.
    items, users : table, optional
        One row per item (its id, name, department, category, brand), and one row per user (its id and any attributes).
    columns : dict, optional
        Canonical name -> column of events, for all that are to be read: user_id, item_id, timestamp, and where there are such
        columns event, session_id, query, quantity, price or amount, rating, position, propensity. By default they are guessed
        from the columns' names, as `assay init` does; `run.config.log` says how.
    folder : str or Path, optional
        The run's folder; by default runs/ and the name of the TOML file, else runs/run.
    until : str, optional
        The last stage to do: collect, clean, samples, features, train, value, select, recommend, evaluate, trust or summary.
    report : callable, optional
        Called with (stage, done, total) as the work goes on; by default bars are drawn where there is a terminal.
    **sections
        Sections of the config, or keys that stand over those of `config`: samples={"validation": 2}, seed=3. With events,
        log={"events": {...}} says more of that table: time_zone, time_format, event, kinds; log={"items": {"columns": {...}}}
        maps the columns of items.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    ConfigError
        A key or value that Assay cannot take.
    InputError
        A table that cannot be read, a column that is needed and cannot be guessed, or a folder where another process works.

    Examples
    --------
    >>> import assay
    >>> import pyarrow as pa
    >>> day = "2024-03-01T12:00:00Z"
    >>> events = pa.table({"customer": ["ada", "bo"], "product": ["tea", "jam"], "date": [day, day]})
    >>> run = assay.run(events=events, folder="run", until="clean")
    >>> run.config.log.events[0].columns["item_id"]
    'product'
    >>> run.read_table("clean/events.parquet").num_rows
    2
    """
    from assay import front

    inputs = {name: table for name, table in (("events", events), ("items", items), ("users", users)) if table is not None}
    if (config is None) != ("events" in inputs) or (config is not None and (inputs or columns is not None)):
        raise InputError("run: give either a config, or events with what else is known: items, users, columns")
    default = Path("runs") / (Path(config).stem if isinstance(config, str | Path) else "run")
    with bars() as drawn:
        if config is None:
            done = front.execute_tables(inputs, folder or default, sections, columns=columns, until=until, report=report or drawn)
        else:
            done = front.execute(configs.of(config, sections), folder or default, until=until, report=report or drawn)
    finished = Run(done.folder)
    if until is None and finished.config.show.log_to is not None:
        finished.to_mlflow()
    return finished


def open(folder: Path | str) -> Run:
    """A finished run, read-only; see `Run`.

    Parameters
    ----------
    folder : str or Path
        The run's folder.

    Returns
    -------
    Run
        The run, of which nothing is read yet.

    Raises
    ------
    InputError
        The folder holds no run.

    Examples
    --------
    >>> import assay
    >>> assay.open("nowhere")
    Traceback (most recent call last):
    ...
    assay.errors.InputError: nowhere: no such folder; make a run first: assay run CONFIG --folder nowhere
    """
    return Run(folder)


def _positive(n: int) -> int:
    if n < 1:
        raise InputError(f"n = {n}: give 1 or more")
    return n
