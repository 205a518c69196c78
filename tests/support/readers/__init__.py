"""Small checkpoints, scripted decoders and a small vLLM server."""
