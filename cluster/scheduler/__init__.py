"""The scheduler: which node each pod goes to.

`facts` reads pods and nodes once into what scheduling asks of them, `filters`, `spread` and `affinity` say which nodes
can take a pod and why others cannot, `scores` which of those is best: all pure. `volumes` looks at claims, `scheduler`
is the control loop. `preemption` says who has to go for a pod that is more important.
"""

from cluster.scheduler.scheduler import run_scheduler

__all__ = ["run_scheduler"]
