"""Parts that every checkpoint shares: files of tensors, strict loading, devices."""
