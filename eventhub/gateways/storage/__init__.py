"""Stored files: a local folder or a bucket, as `EVENTHUB_STORAGE_URL` says."""

from eventhub.gateways.storage.local import LocalStorage
from eventhub.services.ports.storage import FileStorage
from eventhub.settings import Settings

__all__ = ["LocalStorage", "build_storage"]


def build_storage(settings: Settings) -> FileStorage:
    """Return the storage that `storage_url` names: the folder `media` in the data directory, or a bucket."""
    if settings.storage_url.startswith("s3:"):
        from eventhub.gateways.storage.s3 import S3Storage  # noqa: PLC0415 - an extra: settings say whether it is there

        return S3Storage(settings.storage_url)
    return LocalStorage(settings.data_dir / "media")
