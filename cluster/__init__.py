"""The embedded test cluster: a real Kubernetes API with real containers on one Linux machine.

Here lives everything that stands in for a control plane and its nodes: the API server and its store,
the controllers, the scheduler, the kubelets, the network and the container runtime. It knows nothing of
scenarios, faults or load. Controllers, scheduler and kubelets meet through `cluster.client.Client` only,
and only `cluster.api` touches the store.
"""
