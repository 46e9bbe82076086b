-- Who is told of what, what there is to tell, and to whom it was told.

CREATE TABLE webhook (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,  -- signs each message, so it cannot be kept as a digest
    kinds TEXT NOT NULL,   -- JSON list
    created_at INTEGER NOT NULL,
    ended_at INTEGER,      -- since when nothing is told, or NULL
    ended_why TEXT
) STRICT;

CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,  -- a recording's id, or an import's number
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE delivery (
    webhook INTEGER NOT NULL REFERENCES webhook (number),
    event INTEGER NOT NULL REFERENCES event (number),
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,     -- when to try next; NULL where nothing is left to do
    settled_at INTEGER, -- when it was delivered, or given up
    outcome TEXT,       -- what the last try ended in
    PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_due ON delivery (webhook, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX delivery_event ON delivery (event);

CREATE INDEX event_at ON event (at);
