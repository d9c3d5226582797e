"""Probes: `table` is the pure state machine, one file a kind of check, `prober` runs one probe of one container."""
