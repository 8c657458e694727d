"""Model files of the Hugging Face hub: ``hf://owner/repo[@revision]/folder/file.gguf``.

A model in several files (``NAME-00001-of-00003.gguf``) is named by the first.

Files lie in the hub library's own cache and are used from there where the hub cannot be reached.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from agentnet.errors import ModelError, ModelFileError, ModelUnavailable
from agentnet.models.gguf import all_parts, checksum, named_parts

FORM = "hf://owner/repo/file.gguf or hf://owner/repo@revision/file.gguf"
INSTALL = 'pip install "agentnet-ai[hub]"'

_URI = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/@\s]+))?/(?P<file>[^\s@][^\n]*\.gguf)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
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

    Of a model in several files, `uri` is the first: the others are fetched with it, from the same commit. What was
    complete when fetching broke off is kept. A file that was just fetched must have the hub's checksum, and all
    together the one in `sha256`. Raises `ModelFileError` for a file that is missing or has another checksum,
    `ModelUnavailable` without a connection.
    """
    address = parse(uri)
    _check_first(uri, address)
    first = _fetch_one(uri, address)
    parts = all_parts(first)
    folder = PurePosixPath(address.file).parent
    for part in parts[1:]:
        file = str(folder / part.name)
        own_uri = f"{uri.removesuffix(address.file)}{file}"
        _fetch_one(own_uri, replace(address, revision=_commit(first, address), file=file))
    if sha256 is not None and (found := checksum(parts)) != sha256:
        raise ModelFileError(f"{uri}: its SHA-256 is {found}, expected {sha256}; check `sha256`, or name a revision")
    return first


def cached(uri: str) -> Path | None:
    """Return the local copy of a file on the hub, or None; the hub is not asked. Raises `ModelFileError`.

    A model in several files counts only as a whole.
    """
    address = parse(uri)
    _check_first(uri, address)
    try:
        import huggingface_hub
    except ImportError:
        return None
    found = huggingface_hub.try_to_load_from_cache(address.repo, address.file, revision=address.revision)
    if not isinstance(found, str) or not all(part.is_file() for part in all_parts(Path(found))):
        return None
    return Path(found)


def _check_first(uri: str, address: Address) -> None:
    """Refuse a later file of a model by its name, before gigabytes are fetched in vain."""
    first = named_parts(Path(address.file))[0].name
    if first != PurePosixPath(address.file).name:
        raise ModelFileError(f"{uri}: is not the first file of its model; name {first}")


def _fetch_one(uri: str, address: Address) -> Path:
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
    if not isinstance(cached, str) or Path(cached) != path:
        _verify(uri, path)
    return path


def _commit(path: Path, address: Address) -> str | None:
    """Return the commit that a cached file is of: a branch may move on while further files are fetched."""
    folder = path.parents[len(PurePosixPath(address.file).parts) - 1].name
    return folder if _COMMIT.fullmatch(folder) else address.revision


def _verify(uri: str, path: Path) -> None:
    """Compare a file that was just fetched with the hub's SHA-256, after which the cache names a large file."""
    # Only one link is followed: behind it there may be a store with names of another kind.
    blob = path.parent / path.readlink() if path.is_symlink() else path
    if _SHA256.fullmatch(blob.name) is None:
        return
    try:
        found = checksum([path])
        if found == blob.name:
            return
        for stored in (path.resolve(), blob, path):
            stored.unlink(missing_ok=True)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}); check the hub's cache") from error
    raise ModelFileError(f"{uri}: was damaged on its way (SHA-256 {found}, the hub says {blob.name}); fetch it again")


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
