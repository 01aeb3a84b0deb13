"""Measures kubebridge as a process, beside a real API server; see docs/benchmarks.md."""
