"""Containers by runc: bundles, cgroups (v1 and v2), root file systems, logs, and the stand-in images.

Bundles and images are pure values; the edges are `runc` (processes), `cgroups` and `rootfs` (mounts).
"""
