"""Pages: JSON artefacts with a type. A stage declares the pages that it makes; writers and readers share the class."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from assay.errors import InputError
from assay.runs.section import Section
from assay.runs.store import Folder, finite


class Part(BaseModel):
    """A part of a page; unknown fields are refused, and numbers that are not finite are null."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Page(Part):
    """A JSON artefact. Its fields say what it holds: unit, sign and range stand in their docstrings."""

    path: ClassVar[str]  # in the run's folder

    def content(self) -> dict[str, Any]:
        """As JSON holds it; None where a field has no value."""
        content: dict[str, Any] = finite(self.model_dump(mode="json", by_alias=True))
        return content

    def section(self) -> Section | None:
        """How the page is shown by itself, under its stage's words; None where it is not, or a section of the report reads it."""
        return None

    @classmethod
    def read(cls, folder: Folder) -> Self:
        """The page of a folder. InputError: it is not there, or holds something else."""
        content = folder.read_json(cls.path)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise InputError(f"{folder.path(cls.path)}: {where}: {first['msg']}; make the run again") from None
