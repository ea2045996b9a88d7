"""Being written."""

from __future__ import annotations

from bot.classroom.providers.github import PlainGitHub


class Legacy(PlainGitHub):
    """Being written."""
