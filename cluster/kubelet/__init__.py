"""The node agent: pods become containers here, and their state becomes status, events and logs.

Pure parts (status, probes' state, back-off, environment, security) are functions over values; the edges are the worker
of each pod, the prober and the node's heartbeat. Reaches containers by `cluster.runtime.spec.Runtime`, links by
`cluster.network.spec.Network`, everything else through the API.
"""
