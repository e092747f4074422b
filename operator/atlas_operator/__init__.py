"""The operator: AtlasTraining objects become training jobs, and their status tells the story."""
