"""FreePBX and plain Asterisk: the folder of the monitor, with the `cdr` table beside it.

The folder is `/var/spool/asterisk/monitor`, usually with `YYYY/MM/DD/` inside; the names of the
files say what each is (`names.py`). The table `asteriskcdrdb.cdr`, in the database or out of it
(`records`), says it better (`cdr.py`); a file that it has no row of is taken by its name alone.
"""
