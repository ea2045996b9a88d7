"""What the records of classroom.yml have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

Number = Annotated[str, msgspec.Meta(pattern=r"^\d\d$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of classroom.yml. A field it does not know is a mistake, not an extension."""
