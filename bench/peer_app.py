"""The peer: what a good team would write first, on FastAPI, SQLAlchemy 2 and pydantic.

The same question, filters, fields, order and keys as the product. Started by `servers.py` with
`PEER_DATABASE` (a path) and `PEER_PUBLIC_URL` in the environment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from operator import eq, ge, gt, le, lt
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict, PlainSerializer, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from peer_models import ApiKey, Recording, RecordingNumber, RecordingTag, tune

engine = create_async_engine(
    f"sqlite+aiosqlite:///{os.environ['PEER_DATABASE']}", pool_size=16, max_overflow=0
)
tune(engine)
new_session = async_sessionmaker(engine, expire_on_commit=False)
tenants_by_digest: dict[str, int] = {}

Time = Annotated[
    datetime, PlainSerializer(lambda time: time.strftime("%Y-%m-%d %H:%M:%S"), return_type=str)
]


class DialogRecording(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    recording_uuid: str
    dialog_uuid: str
    dialog_type: str
    business_direction: str
    business_end_cause: str | None
    from_display_target: str | None
    to_display_target: str | None
    start_time: Time
    hangup_time: Time
    alert_time: Time | None
    ring_time: Time | None
    answer_time: Time | None
    serve_time: Time | None
    talking_time: int
    waiting_time: int | None
    first_queue_waiting_time: int | None
    machine_detected: int
    machine_detected_type: str | None
    operator_call_id: str | None
    project_id: int | None
    project_name: str | None
    tenant_user_id: int | None
    tenant_user_name: str | None
    custom_tag_id_list: list[int]
    recording_url: str
    recording_duration: int | None
    recording_size: int
    recording_mime_type: str
    recording_channels: int | None
    recording_sha256: str


class RecordingList(BaseModel):
    data: list[DialogRecording]


class IdCondition(BaseModel):
    property: Literal["project_id", "tenant_user_id", "custom_tag_id_list"]
    operator: Literal["eq"] = "eq"
    value: list[int]


class NumberCondition(BaseModel):
    property: Literal["number_list"]
    operator: Literal["eq"] = "eq"
    value: list[str]


class TalkingCondition(BaseModel):
    property: Literal["talking_time"]
    operator: Literal["gt", "gte", "lte", "lt", "eq"] = "eq"
    value: int


class TimeCondition(BaseModel):
    property: Literal["start_time", "hangup_time"]
    operator: Literal["gt", "gte", "lte", "lt", "eq"] = "eq"
    value: datetime


Condition = IdCondition | NumberCondition | TalkingCondition | TimeCondition
Conditions = TypeAdapter(list[Condition])
COMPARE = {"gt": gt, "gte": ge, "lte": le, "lt": lt, "eq": eq}


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with new_session() as session:
        keys = await session.scalars(select(ApiKey))
        tenants_by_digest.update((key.digest, key.tenant_id) for key in keys)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def open_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


async def tenant_of_key(authorization: Annotated[str, Header()] = "") -> int:
    digest = hashlib.sha256(authorization.encode()).hexdigest()
    if digest not in tenants_by_digest:
        raise HTTPException(401, "Send a valid key in the header Authorization.")
    return tenants_by_digest[digest]


async def conditions_of(
    filter_: Annotated[str | None, Query(alias="filter", max_length=16_384)] = None,
) -> list[Condition]:
    try:
        return Conditions.validate_json(filter_) if filter_ else []
    except ValidationError as error:
        raise HTTPException(400, "The filter is not one.") from error


def with_number(tenant: int, condition: NumberCondition) -> ColumnElement[bool]:
    numbers = [number.strip().removeprefix("+") for number in condition.value]
    return Recording.id.in_(
        select(RecordingNumber.recording_id).where(
            RecordingNumber.tenant_id == tenant, RecordingNumber.number.in_(numbers)
        )
    )


def with_id(tenant: int, condition: IdCondition) -> ColumnElement[bool]:
    if condition.property == "custom_tag_id_list":
        return Recording.id.in_(
            select(RecordingTag.recording_id).where(
                RecordingTag.tenant_id == tenant, RecordingTag.tag_id.in_(condition.value)
            )
        )
    column = (
        Recording.project_id if condition.property == "project_id" else Recording.tenant_user_id
    )
    return column.in_(condition.value)


def matching(tenant: int, conditions: list[Condition]) -> Select[Recording]:
    query = select(Recording).where(Recording.tenant_id == tenant)
    for condition in conditions:
        if isinstance(condition, NumberCondition):
            query = query.where(with_number(tenant, condition))
        elif isinstance(condition, IdCondition):
            query = query.where(with_id(tenant, condition))
        else:
            column = getattr(Recording, condition.property)
            query = query.where(COMPARE[condition.operator](column, condition.value))
    return query


@app.get("/cdr_dialog_recording", response_model=RecordingList)
async def list_recordings(
    tenant: Annotated[int, Depends(tenant_of_key)],
    session: Annotated[AsyncSession, Depends(open_session)],
    conditions: Annotated[list[Condition], Depends(conditions_of)],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 500,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    query = (
        matching(tenant, conditions)
        .order_by(Recording.start_time, Recording.id)
        .limit(limit)
        .offset(offset)
        .options(selectinload(Recording.tags))
    )
    return {"data": (await session.scalars(query)).all()}
