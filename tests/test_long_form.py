from __future__ import annotations

from pathlib import Path

import pytest

from long_form import LongForm, arguments, tried

LISTED = LongForm(lambda scratch, amount, seed: (scratch.parent, amount, seed), 7, "listed: times")


@pytest.mark.parametrize(("given", "expected"), [([], (7, 1)), (["--count=0", "--seed=3"], (0, 3))])
def test_what_is_tried_works_in_the_folder_that_is_given_also_where_there_is_none_yet(
    tmp_path: Path, given: list[str], expected: tuple[int, int]
) -> None:
    scratch = tmp_path / "some" / "folder"
    told = arguments("./run", None, {"list": LISTED}, ["list", "--scratch", str(scratch), *given])
    done, took = tried(LISTED, told)
    assert done == (scratch, *expected)
    assert took == f"0 s, seed {expected[1]}"
    assert list(scratch.iterdir()) == []


def test_a_folder_to_work_in_that_cannot_be_made_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        arguments("./run", None, {"list": LISTED}, ["list", "--scratch", str(tmp_path / "file")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"{tmp_path}/file cannot be made: file exists.\n")
