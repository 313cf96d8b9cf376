"""Input formats: pure functions from the bytes of a release to a `RawRelease`."""
