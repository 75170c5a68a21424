"""What every table of the config is, and the kinds of numbers and names in it."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from assay.errors import UndeclaredError

Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^\w[\w. -]*$")]  # of a model, whose folder is called by it
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ConfigSection(BaseModel):
    """A table of the config; unknown keys are refused.

    A stage's view of it lacks the keys that the stage does not declare: reading one raises UndeclaredError.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise UndeclaredError(f"[{type(self).__name__}] {name}: the stage reads a key that it does not declare")
            return super().__getattr__(name)
