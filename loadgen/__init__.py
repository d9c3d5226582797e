"""Load by Locust: the plan of a load, the locustfile that measures, the samples it prints every second.

Only `loadgen.inside` runs in the load pods and may import locust, which monkey-patches the process it is imported in.
"""
