"""The words by which definitions of custom resources, their controller and the API know each other."""

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
"""Holds a definition until all that it defines is gone."""
