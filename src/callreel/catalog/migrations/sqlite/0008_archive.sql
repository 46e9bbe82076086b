-- What tells this archive from every other, so that none takes the backups of another for its own.

CREATE TABLE archive (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id TEXT NOT NULL
) STRICT;

INSERT INTO archive VALUES (1, lower(hex(randomblob(16))));
