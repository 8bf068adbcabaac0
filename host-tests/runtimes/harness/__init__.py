"""The parts that the tests of all runtimes share: cases, an HTTP client, processes, artifacts,
cache."""
