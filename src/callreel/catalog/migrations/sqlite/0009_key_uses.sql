-- When keys were last used, apart from the keys: what is written while reading is to risk none.

CREATE TABLE key_use (
    id TEXT PRIMARY KEY,  -- the key's
    at INTEGER NOT NULL   -- seconds UTC
) STRICT, WITHOUT ROWID;
