"""Real programs that receive: formats are tested by what they have stored."""
