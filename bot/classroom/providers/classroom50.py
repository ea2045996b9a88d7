"""Being written."""

from __future__ import annotations

from bot.classroom.providers.github import PlainGitHub


class Classroom50(PlainGitHub):
    """Being written."""
