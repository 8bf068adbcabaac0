"""What every runtime's tests share: the cases, an HTTP client, processes, artifacts, the cache."""
