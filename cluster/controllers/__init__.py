"""Control loops, one a file: each watches through `cluster.client.Client`, plans purely, then acts.

No controller knows another; what they share is `loop` (work queue with back-off) and the API.
"""
