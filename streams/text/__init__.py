"""Pure text helpers that two stages or more want."""
