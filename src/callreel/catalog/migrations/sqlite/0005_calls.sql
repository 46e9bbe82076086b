-- Calls without recording, so that every call can be listed: `unrecorded` and its filter tables are
-- those of recordings over again, under keys of the same kind. A call that has a recording is known
-- by that alone; the views `call_*` show each call once, whichever it is.

CREATE TABLE unrecorded (
    k INTEGER PRIMARY KEY,
    is_listed INTEGER NOT NULL,  -- 0 since a recording of the call came; kept to be listed again
    body BLOB NOT NULL,
    dialog TEXT NOT NULL,
    facts TEXT NOT NULL,  -- JSON: what its rows in the filter tables are made of
    arrived_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    import_run INTEGER REFERENCES import_run (number)
) STRICT;

CREATE INDEX unrecorded_import ON unrecorded (import_run) WHERE import_run IS NOT NULL;

-- Recordings of a dialog are found among those that start in the same second.

ALTER TABLE entry ADD COLUMN dialog TEXT NOT NULL DEFAULT '';  -- '' where it is not known

UPDATE entry SET dialog = coalesce(
    (SELECT json_extract('{"":"' || CAST(body AS TEXT), '$.dialog_uuid') FROM recording r WHERE r.k = entry.k),
    (SELECT json_extract('{"":"' || CAST(body AS TEXT), '$.dialog_uuid') FROM withdrawn w WHERE w.k = entry.k),
    ''
);

CREATE TABLE further (  -- recordings whose call is listed by another recording of it
    k INTEGER PRIMARY KEY
) STRICT;

INSERT INTO further
SELECT k FROM (
    SELECT k, dialog, row_number() OVER (PARTITION BY k >> 16, dialog ORDER BY k) AS place
    FROM entry WHERE state = 'available'
) WHERE place > 1 AND dialog <> '';

-- The filters that only the list of calls knows.

CREATE TABLE by_kind (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,  -- type of the dialog and direction, in one number
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, kind, k)
) STRICT, WITHOUT ROWID;

INSERT INTO by_kind
SELECT * FROM (
    SELECT r.k >> 48 AS tenant,
        CASE json_extract(json, '$.dialog_type')
            WHEN 'CONSULTANT' THEN 0 WHEN 'TENANT_USER' THEN 2 WHEN 'EXTERNAL' THEN 4 WHEN 'BOT' THEN 6
            WHEN 'SCREENSHARE_DIALOG' THEN 8 WHEN 'SYSTEM' THEN 10 WHEN 'UNBOUND_DIALOG' THEN 12
        END + CASE json_extract(json, '$.business_direction')
            WHEN 'INBOUND' THEN 0 WHEN 'OUTBOUND' THEN 1
        END AS kind, r.k AS k, talking, hangup, project, user
    FROM (SELECT k, '{"":"' || CAST(body AS TEXT) AS json FROM recording) r JOIN facts f ON f.k = r.k
) WHERE kind IS NOT NULL ORDER BY tenant, kind, k;

CREATE TABLE by_source_call (
    tenant INTEGER NOT NULL,
    source_call TEXT NOT NULL,  -- the call's id in the system that it came from
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, source_call, k)
) STRICT, WITHOUT ROWID;

INSERT INTO by_source_call
SELECT * FROM (
    SELECT r.k >> 48 AS tenant, json_extract(json, '$.operator_call_id') AS source_call,
        r.k AS k, talking, hangup, project, user
    FROM (SELECT k, '{"":"' || CAST(body AS TEXT) AS json FROM recording) r JOIN facts f ON f.k = r.k
) WHERE source_call IS NOT NULL ORDER BY tenant, source_call, k;

CREATE TABLE unrecorded_facts (
    k INTEGER PRIMARY KEY,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER
) STRICT;

CREATE TABLE unrecorded_by_project (
    project INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    user INTEGER,
    PRIMARY KEY (project, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_user (
    user INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    PRIMARY KEY (user, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_number (
    tenant INTEGER NOT NULL,
    number TEXT NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, number, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_tag (
    tag INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tag, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_talking (
    tenant INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    k INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, talking, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_hangup (
    tenant INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, hangup, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_kind (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, kind, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrecorded_by_source_call (
    tenant INTEGER NOT NULL,
    source_call TEXT NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, source_call, k)
) STRICT, WITHOUT ROWID;

-- How many more calls than recordings a day has: those without, less the further recordings.

ALTER TABLE day_count ADD COLUMN extra INTEGER NOT NULL DEFAULT 0;

UPDATE day_count SET extra = -(
    SELECT count(*) FROM further f WHERE f.k >= (tenant << 48) + (day * 86400 << 16)
    AND f.k < (tenant << 48) + ((day + 1) * 86400 << 16)
);

-- Every call, under the names of the recordings' tables with `call_` before them.

CREATE VIEW call_facts AS
SELECT k, talking, hangup, project, user FROM facts WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT k, talking, hangup, project, user FROM unrecorded_facts;

CREATE VIEW call_by_project AS
SELECT project, k, talking, hangup, user FROM by_project WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT project, k, talking, hangup, user FROM unrecorded_by_project;

CREATE VIEW call_by_user AS
SELECT user, k, talking, hangup, project FROM by_user WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT user, k, talking, hangup, project FROM unrecorded_by_user;

CREATE VIEW call_by_number AS
SELECT tenant, number, k, talking, hangup, project, user FROM by_number
WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tenant, number, k, talking, hangup, project, user FROM unrecorded_by_number;

CREATE VIEW call_by_tag AS
SELECT tag, k, talking, hangup, project, user FROM by_tag WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tag, k, talking, hangup, project, user FROM unrecorded_by_tag;

CREATE VIEW call_by_talking AS
SELECT tenant, talking, k, hangup, project, user FROM by_talking
WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tenant, talking, k, hangup, project, user FROM unrecorded_by_talking;

CREATE VIEW call_by_hangup AS
SELECT tenant, hangup, k, talking, project, user FROM by_hangup
WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tenant, hangup, k, talking, project, user FROM unrecorded_by_hangup;

CREATE VIEW call_by_kind AS
SELECT tenant, kind, k, talking, hangup, project, user FROM by_kind
WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tenant, kind, k, talking, hangup, project, user FROM unrecorded_by_kind;

CREATE VIEW call_by_source_call AS
SELECT tenant, source_call, k, talking, hangup, project, user FROM by_source_call
WHERE k NOT IN (SELECT k FROM further)
UNION ALL SELECT tenant, source_call, k, talking, hangup, project, user FROM unrecorded_by_source_call;
