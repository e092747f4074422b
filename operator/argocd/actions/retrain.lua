-- A new value of the annotation starts a new run, after the live one has ended.
local os = require("os")

obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["atlas.arc.computer/retrain-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
