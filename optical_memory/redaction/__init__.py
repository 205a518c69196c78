"""Redaction: secrets are masked, or turns kept out, before anything of them is stored."""
