"""The only place with Kafka, time, environment, metrics and processes."""
