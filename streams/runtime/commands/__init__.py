"""The commands of `newsmill`, one file each."""
