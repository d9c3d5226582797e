"""What is in a cluster before anybody writes to it."""
