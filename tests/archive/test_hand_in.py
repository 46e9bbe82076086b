from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callreel.archive import Archive, hand_in
from callreel.archive.spool import Spool
from callreel.errors import BadRecording, Conflict, NotAllowed, Unavailable
from callreel.model import Access, Reach, Scope
from house import House
from importers.switch import A, B, as_json, as_xml, variables

OWN = Access("key", Reach(1), frozenset({Scope.INGEST}))
RECORD = as_json(variables())


@pytest.fixture
def archive(house: House, tmp_path: Path) -> Archive:
    return replace(house.archive, spool=Spool(tmp_path / "spool", 0))


def handed(
    house: House, archive: Archive, content: bytes = RECORD, channel: str = A, access: Access = OWN
) -> bool:
    return house.run(hand_in.freeswitch_record(archive, access, channel, content))


def test_a_record_is_new_once(house: House, archive: Archive) -> None:
    assert handed(house, archive)
    assert not handed(house, archive)
    with pytest.raises(Conflict):
        handed(house, archive, as_json(variables(billsec="1")))


def test_its_form_is_seen_in_its_bytes(house: House, archive: Archive, tmp_path: Path) -> None:
    for content in (b"\xef\xbb\xbf" + RECORD, b" \n" + as_xml(variables()).partition(b"\n")[2]):
        assert handed(house, archive, content)
    names = {path.name for path in (tmp_path / "spool" / "freeswitch" / "1").iterdir()}
    assert names == {f"{A}.cdr.json", f"{A}.cdr.xml"}


def test_a_record_that_names_no_channel_is_that_of_the_address(
    house: House, archive: Archive
) -> None:
    assert handed(house, archive, as_json(variables(uuid=None)))
    assert handed(house, archive, as_json(variables(uuid=B.upper())), B)


def test_only_a_record_of_the_channel_is_kept(house: House, archive: Archive) -> None:
    with pytest.raises(BadRecording, match="another channel"):
        handed(house, archive, channel=B)
    with pytest.raises(BadRecording, match=r"no call record\. It has no variables"):
        handed(house, archive, b"{}")


@pytest.mark.parametrize(
    "access",
    [
        Access("key", Reach(1), frozenset(Scope) - {Scope.INGEST}),
        Access("key", Reach(1, projects=frozenset({9})), frozenset(Scope)),
        Access("key", Reach(1, users=frozenset({9})), frozenset(Scope)),
    ],
)
def test_who_may_not_hand_in_is_refused(house: House, archive: Archive, access: Access) -> None:
    with pytest.raises(NotAllowed):
        handed(house, archive, access=access)


def test_an_archive_without_a_spool_takes_no_records(house: House) -> None:
    with pytest.raises(Unavailable):
        handed(house, replace(house.archive, spool=None))
