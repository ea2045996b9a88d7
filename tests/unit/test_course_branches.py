"""The section `branches` of classroom.yml: what does not go together is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import HEADER
from tito.course import Branches, load, load_cached
from tito.errors import RefusedError

MODULE = '  - {number: "01", name: a, title: A, target: core.a, points: 1}\n'
GOOD = """
branches:
  prefixes: ["fix/"]
  rules:
    - name: main
      branches: [main]
      reviews: 1
      checks: [verdict]
    - name: tags
      tags: ["v*"]
      made_by: admin
  environments:
    - name: release
      reviewers: [team/staff]
"""


def course(root: Path, text: str) -> Path:
    (root / "classroom.yml").write_text(HEADER.format(points=1, modules=MODULE) + text)
    return root


def test_the_section_is_read_and_kept_in_the_copy(tmp_path: Path) -> None:
    found = load(course(tmp_path, GOOD)).branches
    assert [rule.name for rule in found.rules] == ["main", "tags"]
    assert found.rules[0].reviews == 1
    assert found.rules[1].reviews is None
    assert load_cached(tmp_path).branches == load_cached(tmp_path).branches == found


def test_a_course_may_leave_it_out(tmp_path: Path) -> None:
    assert load(course(tmp_path, "")).branches == Branches()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      branches: [main]\n", "", "needs either `branches` or `tags`"),
        (
            "      made_by: admin",
            "      branches: [main]",
            "needs either `branches` or `tags`",
        ),
        ("      made_by: admin", "      checks: [verdict]", "is for tags"),
        ("      made_by: admin", "      reviews: 0", "is for tags"),
        ("      made_by: admin", "      merge_queue: true", "is for tags"),
        ("      reviews: 1", "      made_by: admin", "`made_by` is for tags"),
        ("      reviews: 1", "      code_owners: true", "code owners without `reviews`"),
        ("      checks: [verdict]", "      up_to_date: true", "`up_to_date` without `checks`"),
        ("name: tags", "name: main", "'main' stands twice"),
        ("reviews: 1", "reviews: 11", "reviews"),
        ("reviews: 1", "revews: 1", "revews"),
        ('"fix/"', '"fix"', "prefixes"),
        ("[main]", '["main; x"]', "branches"),
        ("made_by: admin", "made_by: read", "made_by"),
        ("[team/staff]", "[]", "has no reviewers"),
        (GOOD, "\nbranches:\n", "branches"),
    ],
)
def test_a_planted_fault_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(RefusedError) as caught:
        load(course(tmp_path, text))
    (found,) = caught.value.findings
    assert message in found.message
    first = HEADER.format(points=1, modules=MODULE).count("\n") + 1
    assert found.line > first
