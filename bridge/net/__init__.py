"""NET: how others are reached: what a URL may show, proxies, TLS as a client."""
