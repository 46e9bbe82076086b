"""FreeSWITCH, FusionPBX and FS PBX: a folder of recordings, with call detail records beside it.

The records are those of `mod_json_cdr` and `mod_xml_cdr`, a file for each channel (`record.py`), or
a table of `mod_cdr_csv`. They tell whose recording a file is; the files' own names do not follow
one convention. So a file that no record names is not taken in.

A call has several channels, and each a record. Those that name one file must be of one call; the
one that was answered, that made the others and that was talked longest tells of it.
"""
