"""Parquet: typed columns, times as UTC timestamps, row groups of bounded size; with `pyarrow`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final

import msgspec

from callreel.api.decoding import TIME_PATTERN
from callreel.api.wire import WireRecording
from callreel.api.wire_time import parse_time
from callreel.archive.exporting import Draft, Output
from callreel.errors import Misconfigured

GROUP: Final = 10_000
"""Most rows in a row group, which is what has to be in memory at once."""
_DECODER: Final = msgspec.json.Decoder(WireRecording)


class ParquetWriter:
    """Writes Parquet."""

    def __init__(self, draft: Draft) -> None:
        """Begin.

        Raises:
            Misconfigured: `pyarrow` is not installed.
        """
        self._arrow, parquet = _pyarrow()
        self._schema = schema(self._arrow)
        self._moments = [each.name for each in self._schema if str(each.type).startswith("time")]
        self._rows: list[dict[str, Any]] = []
        self._writer = parquet.ParquetWriter(_Sink(draft.main), self._schema, compression="zstd")

    async def add(self, records: Sequence[bytes]) -> None:
        for record in records:
            row = msgspec.structs.asdict(_DECODER.decode(record))
            for name in self._moments:
                row[name] = _moment(row[name])
            self._rows.append(row)
            if len(self._rows) == GROUP:
                self._write_group()

    async def finish(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._rows:
            table = self._arrow.Table.from_pylist(self._rows, self._schema)
            self._writer.write_table(table, row_group_size=GROUP)
            self._rows.clear()


def schema(arrow: Any) -> Any:  # noqa: ANN401 - pyarrow brings no types, and may not be there
    """Return the columns with their types."""
    fields = []
    for field in msgspec.structs.fields(WireRecording):
        kind, may_be_null = _kind(msgspec.inspect.type_info(field.type))
        fields.append(arrow.field(field.name, _arrow_type(arrow, kind), nullable=may_be_null))
    return arrow.schema(fields)


def _kind(info: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, bool]:
    """Return the type of a field, without that it may be null, and whether it may."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _kind(info.type)
    if not isinstance(info, msgspec.inspect.UnionType):
        return info, False
    (kind,) = (each for each in info.types if not isinstance(each, msgspec.inspect.NoneType))
    return _kind(kind)[0], True


def _arrow_type(arrow: Any, kind: msgspec.inspect.Type) -> Any:  # noqa: ANN401 - as `schema`
    if isinstance(kind, msgspec.inspect.IntType):
        return arrow.int64()
    if isinstance(kind, msgspec.inspect.ListType):
        return arrow.list_(arrow.field("item", arrow.int64(), nullable=False))
    if isinstance(kind, msgspec.inspect.StrType) and kind.pattern == TIME_PATTERN:
        return arrow.timestamp("ms", tz="UTC")  # Parquet knows no whole seconds
    return arrow.string()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromtimestamp(parse_time(text), UTC)


def _pyarrow() -> tuple[Any, Any]:
    """Load what is an extra and slow to load, only where it is asked for."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise Misconfigured(
            "Parquet needs the package pyarrow; install it with `pip install 'callreel[parquet]'`."
        ) from error


class _Sink(io.RawIOBase):
    """An output as the stream that Arrow writes to."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._output.size

    def write(self, piece: Any, /) -> int:  # noqa: ANN401 - any buffer
        self._output.write(bytes(piece))
        return len(piece)
