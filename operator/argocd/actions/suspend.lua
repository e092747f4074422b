-- The live run saves a checkpoint and frees its pods.
obj.spec.suspend = true
return obj
