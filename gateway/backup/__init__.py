"""Backups: encrypted, versioned, and tested by restoring (docs/backup.md)."""
