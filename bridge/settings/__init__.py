"""What a setting is: models, durations, sizes, names. Imports nothing of ours."""
