"""Runs a definition with stubs on the real scripts and a virtual clock, and reports what happened."""
