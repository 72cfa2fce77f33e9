"""Trials over devices: one after another, all at once, or cut into shares."""
