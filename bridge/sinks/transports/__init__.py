"""The ways to a sink: connections, deadlines, and which addresses are denied."""
