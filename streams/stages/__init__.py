"""The stages: pure functions from one record to the next. No Kafka, no clock, no environment, no I/O."""
