-- Health of our objects in Argo CD, from the same conditions that kubectl wait, Flux and Helm read.
-- The verdicts are those of kstatus; a training that rests because its owner said so is Suspended instead of Healthy.
local status = obj.status or {}
local verdict = { status = "Progressing", message = "waiting for the operator" }

if status.observedGeneration ~= obj.metadata.generation then
  if (status.observedGeneration or -1) > 0 then
    verdict.message = "the operator has not seen the newest spec yet"
  end
  return verdict
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function holds(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

-- The most urgent first. Only what is Ready can be Suspended: a resting training may still be a wrong one.
local word, reason = "Progressing", "Ready"
if holds("Stalled") then
  word, reason = "Degraded", "Stalled"
elseif holds("Reconciling") then
  word, reason = "Progressing", "Reconciling"
elseif holds("Ready") and holds("Suspended") then
  word, reason = "Suspended", "Suspended"
elseif holds("Ready") then
  word, reason = "Healthy", "Ready"
end

verdict.status = word
if conditions[reason] ~= nil then
  verdict.message = conditions[reason].message or ""
end
return verdict
