"""The archive that an artifact is downloaded as."""

from __future__ import annotations

import io
import zipfile


def zip_of(file: str, data: bytes) -> bytes:
    """Return a zip with one file; the same data give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        # A ZipInfo carries a fixed time; the name alone would carry the present one.
        archive.writestr(zipfile.ZipInfo(file), data)
    return stream.getvalue()
