-- What was imported when, and what became of each file and each row of call records.

CREATE TABLE import_run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    format TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER,  -- NULL while it runs, and for ever where it was cut short
    undone_at INTEGER
) STRICT;

CREATE TABLE import_item (
    run INTEGER NOT NULL REFERENCES import_run (number),
    number INTEGER NOT NULL,
    place TEXT NOT NULL,  -- the file, or the file and the line
    is_row INTEGER NOT NULL,
    became TEXT NOT NULL,
    fault TEXT,
    reason TEXT,
    notes TEXT,  -- JSON list, or NULL for none
    recording TEXT,  -- the id of what was taken in or was there
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_total (  -- so that a list of imports counts nothing
    run INTEGER NOT NULL REFERENCES import_run (number),
    is_row INTEGER NOT NULL,
    became TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (run, is_row, became)
) STRICT, WITHOUT ROWID;

-- Which import a recording came by, for undoing it.

ALTER TABLE entry ADD COLUMN import_run INTEGER REFERENCES import_run (number);

CREATE INDEX entry_import ON entry (import_run) WHERE import_run IS NOT NULL;

-- Which recordings someone has tagged or heard: undoing an import spares them.

CREATE TABLE touched (
    k INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- Which files a watched folder held when they were last looked at, so that none is read twice.

CREATE TABLE watched_file (
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    folder TEXT NOT NULL,
    place BLOB NOT NULL,  -- the path below the folder, as the file system has it
    size INTEGER NOT NULL,
    modified_at REAL NOT NULL,
    PRIMARY KEY (tenant, folder, place)
) STRICT, WITHOUT ROWID;
