"""torch's zip archives, opened without trust: stored entries only, no more bytes than the file has."""

from __future__ import annotations

import io
import zipfile

from ..errors import FileFormatError

MAX_ENTRIES = 200_000


class StoredZip:
    """The entries of an archive whose parts are stored as they are.

    torch never compresses. Without compression, and with sizes that add up to no more than the
    file, an archive cannot unpack to more than it is.

    Parameters
    ----------
    data : bytes
    name : str
        For messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (
            zipfile.BadZipFile,
            ValueError,
            NotImplementedError,
            OverflowError,
            RecursionError,
        ) as error:
            raise FileFormatError(f"{name} is no zip archive, or cut short: {error}") from None
        entries = self._archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise FileFormatError(f"{name} has {len(entries)} entries; {MAX_ENTRIES} are the limit")
        if any([entry.filename.rpartition("/code/")[1] for entry in entries[:MAX_ENTRIES]]):
            raise FileFormatError(
                f"{name} is a TorchScript program, which is not read; export the module by torch.export or "
                "torch.onnx"
            )
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                raise FileFormatError(
                    f"{name}: the entry {entry.filename!r} is compressed or encrypted; torch stores plainly"
                )
        total = sum([entry.file_size for entry in entries])
        if total > len(data):
            raise FileFormatError(f"{name} claims {total} bytes of entries and has {len(data)}; refused")
        self.names = [entry.filename for entry in entries]
        if len(set(self.names)) != len(self.names):
            raise FileFormatError(f"{name} has two entries of one name")
        self.largest = max([entry.file_size for entry in entries], default=0)

    def read(self, entry: str, limit: int | None = None) -> bytes:
        """Return the bytes of an entry.

        Raises
        ------
        FileFormatError
            If it is missing, longer than ``limit``, or its checksum is wrong.
        """
        try:
            size = self._archive.getinfo(entry).file_size
            if limit is not None and size > limit:
                raise FileFormatError(f"{self._name}: {entry!r} has {size} bytes; {limit} are the limit")
            data = self._archive.read(entry)
        except KeyError:
            raise FileFormatError(f"{self._name} lacks the entry {entry!r}") from None
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, OSError) as error:
            raise FileFormatError(f"{self._name}: {entry!r} is damaged: {error}") from None
        if len(data) != size:
            raise FileFormatError(f"{self._name}: {entry!r} has {len(data)} bytes, not {size}")
        return data

    def size(self, entry: str) -> int:
        """Return the length of an entry, 0 if there is none."""
        return self._archive.getinfo(entry).file_size if entry in self._archive.NameToInfo else 0
