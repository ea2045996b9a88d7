"""A GitHub for the laptop: state and HTTP, checked against GitHub's own description.

with LocalHub() as hub:
    repository = hub.repository("acme/course")
    repository.pull_request(head_sha="a" * 40, branch="relu", head_repository="ann/course")
    token = hub.token({"issues": "write"}, repository=repository)
    ...  # a client of `hub.url`
    assert hub.violations == []
"""

from bot.localhub.hub import LocalHub
from bot.localhub.tokens import READ_ONLY

__all__ = ["READ_ONLY", "LocalHub"]
