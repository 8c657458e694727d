"""Model files of the Hugging Face hub: ``hf://owner/repo[@revision]/folder/file.gguf``.

Files lie in the hub library's own cache and are used from there where the hub cannot be reached.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agentnet.errors import ModelError, ModelFileError, ModelUnavailable

FORM = "hf://owner/repo/file.gguf or hf://owner/repo@revision/file.gguf"
INSTALL = 'pip install "agentnet-ai[hub]"'

_URI = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/@\s]+))?/(?P<file>[^\s@][^\n]*\.gguf)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Address:
    """A file on the hub. A slash in `revision` is written ``%2F`` in the address."""

    repo: str
    revision: str | None
    file: str


def parse(uri: str) -> Address:
    """Return the parts of an address. Raises `ModelFileError` where it is not one."""
    found = _URI.fullmatch(uri)
    if found is None or not {"", ".", ".."}.isdisjoint(found["file"].split("/")):
        raise ModelFileError(f"{uri}: not the address of a model file; write {FORM}")
    revision = found["revision"]
    return Address(found["repo"], None if revision is None else unquote(revision), found["file"])


def fetch(uri: str, sha256: str | None) -> Path:
    """Return the local copy of a file on the hub; fetch it unless the cache holds it.

    A file that was just fetched must have the hub's checksum, and every file the one in `sha256`. Raises
    `ModelFileError` for a file that is missing or has another checksum, `ModelUnavailable` without a connection.
    """
    address = parse(uri)
    try:
        import huggingface_hub
    except ImportError:
        raise ModelFileError(f"{uri}: fetching from the hub needs a further package; {INSTALL}") from None
    where: dict[str, Any] = {"repo_id": address.repo, "filename": address.file, "revision": address.revision}
    try:
        cached = huggingface_hub.try_to_load_from_cache(**where)
        path = Path(huggingface_hub.hf_hub_download(**where))
    except Exception as error:
        raise _translated(uri, address, error) from error
    return _verified(uri, path, sha256, fresh=not isinstance(cached, str) or Path(cached) != path)


def cached(uri: str) -> Path | None:
    """Return the local copy of a file on the hub, or None; the hub is not asked. Raises `ModelFileError`."""
    address = parse(uri)
    try:
        import huggingface_hub
    except ImportError:
        return None
    found = huggingface_hub.try_to_load_from_cache(address.repo, address.file, revision=address.revision)
    return Path(found) if isinstance(found, str) else None


def _verified(uri: str, path: Path, sha256: str | None, *, fresh: bool) -> Path:
    """Compare checksums. The cache names a large file after the hub's SHA-256."""
    # Only one link is followed: behind it there may be a store with names of another kind.
    blob = path.parent / path.readlink() if path.is_symlink() else path
    hub_sha256 = blob.name
    check_hub = fresh and _SHA256.fullmatch(hub_sha256) is not None
    if sha256 is None and not check_hub:
        return path
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if check_hub and found != hub_sha256:
            for stored in (path.resolve(), blob, path):
                stored.unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}); check the hub's cache") from error
    if check_hub and found != hub_sha256:
        raise ModelFileError(
            f"{uri}: was damaged on its way (SHA-256 {found}, the hub says {hub_sha256}); fetch it again"
        )
    if sha256 is not None and found != sha256:
        raise ModelFileError(f"{uri}: its SHA-256 is {found}, expected {sha256}; check `sha256`, or name a revision")
    return path


def _translated(uri: str, address: Address, error: Exception) -> ModelError:
    """Return what the hub library raised as a model error of one line that says what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ModelFileError(f"{uri}: access needs permission; accept the terms on its page and run `hf auth login`")
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelFileError(f"{uri}: no such repository, or a private one; check the name, or run `hf auth login`")
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelFileError(f"{uri}: the repository has no revision {address.revision}; check its branches and tags")
    if isinstance(error, errors.HFValidationError):
        return ModelFileError(f"{uri}: not the address of a model file ({error}); write {FORM}")
    # Before its base class: nothing is cached, and the hub could not be asked.
    if isinstance(error, errors.LocalEntryNotFoundError):
        return ModelUnavailable(
            f"{uri}: is not in the cache, and the hub cannot be reached ({_root(error)}); "
            f"check the network, HF_ENDPOINT and HF_HUB_OFFLINE"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return ModelFileError(f"{uri}: the repository has no file {address.file}; check its list of files")
    if isinstance(error, errors.HfHubHTTPError):
        return ModelUnavailable(f"{uri}: the hub refuses it ({_root(error)}); try again later")
    if isinstance(error, OSError) and error.strerror:
        return ModelFileError(f"{uri}: cannot be stored in the cache ({error.strerror}); check the disk and HF_HOME")
    return ModelUnavailable(f"{uri}: fetching broke off ({_root(error)}); try again")


def _root(error: BaseException) -> str:
    """Return the innermost cause, in brief."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"
