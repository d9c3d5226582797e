"""What `kubectl get` prints: columns and cells as the real API server answers them. One kind a file."""
