"""GOT-OCR2.0 from its published checkpoint."""
