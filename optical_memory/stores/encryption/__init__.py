"""Encryption at rest: a data key for each session, wrapped by a tenant's key.

The field calls this envelope encryption. The data key is the data encryption key (DEK), the
tenant's key is the key encryption key (KEK). The package `cryptography` is loaded when the first
key is used, not before.
"""
