"""A real Kubernetes control plane on loopback, without containers.

`build` makes the binaries, `cluster` runs them, `fixtures` hands them to pytest.
"""
