"""The importers: recordings that other systems left behind, a module per foreign format.

An importer parses and adapts; it knows neither the archive nor HTTP, but for `vcon.fetch`, which
fetches audio for whoever allowed it. It is made of a `Source` and yields items: a `Candidate` for
what can be taken in, a `Refusal` with the place and the reason for what cannot, and a `Row` for
each call record that needs no word more. Every file and every record gets exactly one, and none
of them ends the import.

To add a format, copy `freepbx/`: write a class with `count` and `items`, made of a `Source`, and
name it in `formats.py`. These modules do what every format needs: `tree` walks a hostile folder,
`audio_file` tells by a look what is no audio, `records` reads call records from a table as text, a
dump or a database, `parties` and `channels` know the words of Asterisk, `local_time` turns clock
times into UTC, `sound_json` reads JSON strictly, `streams` decodes and compares digests; what the
user wants of every format, `wanted` does to the items afterwards. The command
`callreel import FORMAT DIR` then has it. Put samples into `tests/importers/samples`.

What every importer keeps to: `Candidate.native_id` and `native_time` come of what never changes
about a recording, so that importing it again, with more call records too, finds it again;
nothing at the source is moved, changed or removed.
"""
