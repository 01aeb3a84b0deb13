"""TEXT: characters, JSON and tracebacks of strangers, made safe to show or read."""
