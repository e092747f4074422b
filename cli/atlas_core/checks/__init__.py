"""
What can be said before anything runs. Checks only look: they run no code of the user's, write nothing, ask nobody over
the network.

    findings       what checks found: problems that a run would end with, and notes
    manifest       what is known about a manifest by itself
    here           whether this machine has what a manifest names
    places         files, folders, keys and packages of this machine

To add a check: of a field by itself in `manifest`, of what it names on this machine in `here`. What a run refuses has
its words where the run refuses it; a check calls that.
"""
