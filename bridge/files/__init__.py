"""FILES: small ones read whole, and such as only their owner may read."""
