-- Who: tenants, their keys, and the names of ids.

CREATE TABLE tenant (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 32766),
    name TEXT NOT NULL UNIQUE,
    longest_call INTEGER NOT NULL DEFAULT 0  -- seconds; turns a bound on the end into one on the start
) STRICT;

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    label TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,  -- JSON list
    projects TEXT,         -- JSON list, or NULL for all
    users TEXT,            -- JSON list, or NULL for all
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE named (
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    kind TEXT NOT NULL CHECK (kind IN ('project', 'tenant_user', 'custom_tag')),
    id INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX named_tag ON named (tenant, name) WHERE kind = 'custom_tag';

-- What: every recording has one key k that orders everything,
--     k = tenant << 48 | seconds of its start since 2000-01-01 UTC << 16 | arrival in that second,
-- so a range of k is a tenant and a span of time. Bodies lie in that order, finished.

CREATE TABLE recording (
    k INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- What never leaves by the list, and the ids. Every recording has one, whatever its state.

CREATE TABLE entry (
    k INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    id TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'available'
        CHECK (state IN ('available', 'missing_audio', 'suspect', 'quarantined', 'deleting')),
    project INTEGER,
    user INTEGER,
    digest BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    arrived_at INTEGER NOT NULL,
    original_name TEXT,
    source TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX entry_id ON entry (tenant, id);

-- Which recordings have which audio. Digests come in no order, so each would touch a page of its
-- own: they wait in a list and are sorted in many at a time.

CREATE TABLE audio_use (
    digest BLOB NOT NULL,
    k INTEGER NOT NULL,
    PRIMARY KEY (digest, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE audio_use_new (
    k INTEGER PRIMARY KEY,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE withdrawn (  -- bodies of recordings that are not available
    k INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- By what: narrow tables for the filters. Each carries all the values that any condition could
-- ask for, so that two conditions together never need a second look-up per candidate.

CREATE TABLE facts (
    k INTEGER PRIMARY KEY,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER
) STRICT;

CREATE TABLE by_project (
    project INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    user INTEGER,
    PRIMARY KEY (project, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_user (
    user INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    PRIMARY KEY (user, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_number (
    tenant INTEGER NOT NULL,
    number TEXT NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, number, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_tag (
    tag INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tag, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_talking (
    tenant INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    k INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, talking, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_hangup (
    tenant INTEGER NOT NULL,
    hangup INTEGER NOT NULL,
    k INTEGER NOT NULL,
    talking INTEGER NOT NULL,
    project INTEGER,
    user INTEGER,
    PRIMARY KEY (tenant, hangup, k)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_count (  -- makes an offset a walk over days, not over calls
    tenant INTEGER NOT NULL,
    day INTEGER NOT NULL,  -- days since 2000-01-01 UTC
    n INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT, WITHOUT ROWID;
