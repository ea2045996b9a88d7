"""Results are read strictly: nothing unknown, nothing oversized, nothing of another format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tito import report
from tito.errors import TitoError
from tito.report import Finding, GateResult, decode, encode, in_order, judge

ERROR = Finding("rule-a", "error", "b.py", 3, "wrong", "mend it", "cell-1")
NOTICE = Finding("rule-b", "notice", "a.py", 1, "so it is")


def test_a_result_survives_the_way_there_and_back() -> None:
    result = judge("export", [NOTICE, ERROR], "tito gate export")
    assert decode(encode(result)) == result
    assert encode(result) == encode(decode(encode(result)))


def test_errors_come_first_and_nothing_twice() -> None:
    assert in_order([NOTICE, ERROR, NOTICE]) == (ERROR, NOTICE)


def test_only_an_error_fails_a_gate() -> None:
    assert judge("export", [NOTICE], "").status == "passed"
    assert judge("export", [NOTICE, ERROR], "").status == "failed"
    assert judge("export", [], "").status == "passed"


def test_a_place_is_a_path_with_a_line_where_one_is_known() -> None:
    assert ERROR.place == "b.py:3"
    assert Finding("r", "error", "b.py", 0, "m").place == "b.py"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"gate": "export"}',
        b"\xff\xfe",
        b"[" * 100_000,
        encode(GateResult("export", "passed", (), "")).replace(b"}", b', "extra": 1}'),
        encode(GateResult("export", "passed", (), "")).replace(b'"passed"', b'"green"'),
        encode(GateResult("export", "passed", (), "")).replace(b'"export"', b"3"),
    ],
)
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(TitoError, match="not a gate result"):
        decode(data)


def test_another_format_is_refused_with_what_to_do() -> None:
    data = encode(GateResult("export", "passed", (), "", format=99))
    with pytest.raises(TitoError, match="format 99") as caught:
        decode(data)
    assert "same tito" in caught.value.hint


def test_a_huge_file_is_not_even_parsed() -> None:
    with pytest.raises(TitoError, match="too large"):
        decode(b" " * (report.LARGEST_RESULT + 1))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_random_bytes_never_crash_the_reader(data: bytes) -> None:
    with pytest.raises(TitoError):
        decode(data)
