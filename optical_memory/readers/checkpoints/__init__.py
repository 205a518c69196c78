"""Parts that every checkpoint shares: its folder and files, strict loading, devices and memory."""
