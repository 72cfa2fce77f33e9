"""Features, bands and durations, computed once and kept on disk."""
