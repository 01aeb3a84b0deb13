"""The embedded queue: one file, one thread that writes, one that reads."""
