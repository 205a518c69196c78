"""GOT-OCR2.0 from its published checkpoint."""

from __future__ import annotations

from optical_memory.readers.got.reader import GotReader

__all__ = ["GotReader"]
