"""The engine: a scenario becomes a plan, the plan a run, the run a recording, the recording a result.

Here lives what knows of faults, defenses and verdicts. It reaches a cluster through a kubeconfig and the Kubernetes
API, never otherwise. `plan`, `judge` and the defenses are pure; `kube`, `run`, `observe` and the faults are its edges.
"""
