"""What a run would do, said beforehand."""

from assay.runs.pages import Part


class Planned(Part):
    """A stage. state: fresh (it stands), stale or missing. seconds: about; 0 where it stands; null where nothing is known."""

    stage: str
    state: str
    seconds: float | None


class Plan(Part):
    """rows: of the log, about; null where that takes reading it. seconds: of the stages whose time can be told; null: of none."""

    rows: int | None
    seconds: float | None
    stages: list[Planned]
