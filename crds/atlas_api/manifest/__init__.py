"""
Reading manifests: every mistake at once, with the field's path, the value and the cure.

    parse           documents become API objects, or `InvalidManifest` with all problems
    problems        how a mistake is worded
    yaml_document   YAML as kubectl reads it
    paths           paths in a manifest, `~` included
    trainer_args    names in `trainerArgs`: what TRL takes, what atlas-core sets itself
    stored          what the API server would keep of a document

To add a kind of mistake: its words in `problems`.
"""
