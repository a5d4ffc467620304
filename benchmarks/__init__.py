"""Workloads, floors and the driver that measures the engine beside them."""
