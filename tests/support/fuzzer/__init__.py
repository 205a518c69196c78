"""The fuzzer: odd cases for everything that reads what strangers wrote (`make fuzz`)."""
