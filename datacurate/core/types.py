"""The units that options are declared in; their bounds are checked when a stage is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=0)]
"""A whole number, zero or more."""

Positive = Annotated[int, Field(ge=1)]
"""A whole number, one or more."""

Fraction = Annotated[float, Field(ge=0, le=1)]
"""A share between 0 and 1, both included."""

Amount = Annotated[float, Field(ge=0)]
"""A real number, zero or more."""
