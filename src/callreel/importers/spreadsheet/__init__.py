"""Any table of calls with a folder of audio: what the columns mean, the user says (`meaning`).

The table is a file with a header, a dump or a database (`records`). Each row names its audio,
in a column or by a pattern; of several rows of one file the one with the longest talk counts.
"""
