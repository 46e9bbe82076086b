-- From when to when calls of an account elsewhere were all taken in, so that a mirror goes on there.

CREATE TABLE mirrored (
    tenant INTEGER NOT NULL REFERENCES tenant (number),
    account BLOB NOT NULL,  -- a digest of the service's address and the key
    low INTEGER NOT NULL,  -- seconds UTC, both included
    high INTEGER NOT NULL,
    PRIMARY KEY (tenant, account, low)
) STRICT, WITHOUT ROWID;
