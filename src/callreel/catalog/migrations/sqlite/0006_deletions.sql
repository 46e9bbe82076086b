-- What was deleted for good, so that nothing that looks again where it came from brings it back.

CREATE TABLE deletion (
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    id TEXT NOT NULL,  -- the recording's
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

INSERT INTO deletion SELECT tenant, id, unixepoch() FROM entry WHERE state = 'deleting';

-- What `callreel reconcile` must know: why a call has no recording, and who told of a recording's call.

ALTER TABLE unrecorded ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;  -- so many recordings of the call were

ALTER TABLE entry ADD COLUMN has_call_record INTEGER;  -- 0: its file's name alone told; NULL: not known
