-- Which actions Argo CD offers for an AtlasTraining. A suspended one answers a retrain only once it is resumed.
local suspended = obj.spec.suspend == true

return {
  suspend = { disabled = suspended, displayName = "Suspend", iconClass = "fa fa-fw fa-pause" },
  resume = { disabled = not suspended, displayName = "Resume", iconClass = "fa fa-fw fa-play" },
  retrain = { disabled = suspended, displayName = "Retrain", iconClass = "fa fa-fw fa-redo" },
}
