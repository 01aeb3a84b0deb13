"""Who the bridge is to the API server, and the sockets on which it says so."""
