"""Lists on their way out: changed by a known share of chance, and kept as exposures, where events are kept."""

from collections.abc import Sequence
from datetime import UTC, datetime

from assay.errors import InputError
from assay.finished import Finished
from assay.pages.answers import I
from assay.serving.events import EventStore, Exploration, give

_LAST = "summary"  # the stage that reads what all others made: its fingerprint is the run's


class Giving:
    """How lists are given out. store: keeps them; None: they are given as they are. chance: of a list to be changed, as in
    `Exploration`. InputError: a chance outside [0, 1], or one whose lists nobody keeps.
    """

    def __init__(self, store: EventStore | None = None, chance: float = 0.0) -> None:
        self.store, self._exploration = store, Exploration(chance)
        if chance and store is None:
            raise InputError("--explore changes lists, which tells something only where they are kept: add --events FILE_OR_URL")

    def spare(self, number: int) -> int:
        """How many items to rank beyond a list of `number`: as many again where chance draws from them."""
        return number if self._exploration.chance else 0

    def give(
        self,
        run: Finished,
        ranking: Sequence[I],
        shown: int,
        *,
        model: str | None,
        user_id: str | None = None,
        session_id: str | None = None,
        query: str | None = None,
    ) -> tuple[str | None, list[I]]:
        """The id of a list and its items, ranked by their places, out of a ranking of a run, best first.

        Nobody waits for the disk: a list is given even where it cannot be kept. Where lists are not kept, the id is None.
        """
        if self.store is None:
            return None, list(ranking[:shown])
        of_run = run.stages[_LAST].fingerprint
        given = give(
            [line.item_id for line in ranking], shown, self._exploration,
            user_id=user_id, session_id=session_id, query=query, model=model, run=of_run,
        )  # fmt: skip
        self.store.submit(given.batch(datetime.now(UTC)))
        lines = {line.item_id: line for line in ranking}
        items = [lines[item].model_copy(update={"rank": place}) for place, item in enumerate(given.items, 1)]
        return given.list_id, items

    def close(self) -> None:
        """Store what waits."""
        if self.store is not None:
            self.store.close()
