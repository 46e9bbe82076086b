"""vCon, the IETF's container for conversations: a folder of files, one vCon each.

The form is that of draft-ietf-vcon-vcon-core, whose `vcon` says 0.4.0, and of what came before it:
`mimetype` was once the name of `mediatype`, `alg` with `signature` of `content_hash`, `appended` of
`amended` and `must_support` of `critical`. Every dialog gets an item: a recording becomes a
candidate; what has no sound is a row.
"""
