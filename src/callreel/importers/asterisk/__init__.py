"""Asterisk without a distribution around it: its call records and the folder of its recordings.

Call records are `Master.csv` of `cdr_csv`, what `cdr_custom` writes, or the table `cdr` as a
file, a dump or a database (`records`, `columns`). Recordings are what `MixMonitor` and `Monitor`
leave below a folder, under names that the dialplan chooses (`ids`). The rows that share a linked
id are one call (`calls`, which has an example); each recording finds its own (`matching`).
"""
