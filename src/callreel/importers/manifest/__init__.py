"""A manifest: recordings of any system, told by JSON beside the audio.

`manifest.jsonl` in the folder, or the file that is named for call records, holds a line for each
recording; a file `call.wav.json` holds the line of `call.wav` alone. `line.py` says what a line
is. A file that a line of the manifest names is told by that, even where a file of its own is there.
"""
