"""Measures kubebridge as a process beside a real API server (docs/benchmarks.md)."""
