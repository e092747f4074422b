"""
atlas-core on a laptop: validate a manifest, look at its data, run it; score completions, measure judges.

`atlas_core.main` is the command line; each command is a module that holds a plain function. Heavy libraries are
imported by the command that needs them.
"""
