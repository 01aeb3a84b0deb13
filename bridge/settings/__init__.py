"""Define settings: models, durations, sizes, names. Imports nothing above it."""
