-- Of which call a recording was deleted, for as long as the call is kept: a deletion that is lifted, or whose
-- recording is sent again, leaves nothing to be taken back, and nothing of a call outlasts it.

ALTER TABLE deletion ADD COLUMN call INTEGER REFERENCES unrecorded (k) ON DELETE SET NULL;

CREATE INDEX deletion_call ON deletion (call) WHERE call IS NOT NULL;

-- `unrecorded.deleted` stays what it was: how many recordings of a call were deleted before this step.
