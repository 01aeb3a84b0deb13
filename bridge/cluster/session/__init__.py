"""Log in to the API server: credentials, trust, sockets and their renewal."""
