"""One attempt over HTTP: the request, how it is secured, and what the answer means."""
