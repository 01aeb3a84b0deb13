"""The demo: a small Kubernetes API server, a bad afternoon and three receivers.

``apiserver`` serves what the bridge and kubectl use, in this process and in memory.
The bridge itself is started as a subprocess, as a user would start it.
"""
