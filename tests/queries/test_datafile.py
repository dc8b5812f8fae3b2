"""One data file: sealed when written, and no damage to it goes unnoticed."""

import hashlib
import os
import random
import re
import shutil
import struct

import duckdb
import pytest

from queries import datafile
from queries.datafile import DamageError, seal, verify
from queries.errors import WarehouseError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    path = folder / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS i, hash(range) AS h FROM range(50_000)")
        connection.execute("CHECKPOINT")
    path.with_suffix(".json").write_text(seal(path).model_dump_json())
    return folder


@pytest.fixture
def sealed(made, tmp_path):
    datafile._digests.clear()  # a copy may get the inode and the instant of one that an earlier test damaged
    return shutil.copytree(made, tmp_path / "folder") / "data.duckdb"


def reseal(path, **facts):
    """Let the manifest say what the file now is, and `facts`."""
    manifest = seal(path).model_copy(update=facts)
    path.with_suffix(".json").write_text(manifest.model_dump_json())


def test_intact_data_is_known_by_its_manifest(sealed):
    manifest = verify(sealed)
    assert manifest.sha256 == hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert manifest.size == sealed.stat().st_size
    assert manifest.duckdb == duckdb.__version__


def test_unfinished_data_is_not_sealed(sealed):
    sealed.with_name("data.duckdb.wal").write_bytes(b"changes")
    for path in (sealed, sealed.with_name("absent.duckdb")):
        with pytest.raises(WarehouseError, match="not checkpointed"):
            seal(path)


def test_a_file_is_hashed_once_per_process(sealed, monkeypatch):
    hashed = []
    original = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: hashed.append(given) or original(*given))
    for _ in range(3):
        verify(sealed)
    assert len(hashed) == 1


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def swapped(data):
    """The last two blocks change places: each block's own checksum stays valid."""
    block = 262_144
    return data[: -2 * block] + data[-block:] + data[-2 * block : -block]


def another(path):
    path.unlink()
    duckdb.connect(str(path)).close()


def manifest_of(text):
    return lambda path: path.with_suffix(".json").write_text(text)


def log_beside(path):
    return path.with_name(f"{path.name}.wal")


CHECKSUM, BYTES, NO_FILE = "its checksum differs", "bytes instead of", "it is not a file"
LOG, MANIFEST = "a write-ahead log lies beside it", "its manifest is unreadable"
DAMAGES = {
    "missing": (lambda path: path.unlink(), "it is missing"),
    "empty": (lambda path: path.write_bytes(b""), "it has 0 bytes instead of"),
    "text": (lambda path: path.write_text("contact_id,stage\n"), "it has 17 bytes instead of"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), BYTES),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), BYTES),
    "another": (another, BYTES),
    "one bit": (lambda path: path.write_bytes(flipped(path.read_bytes())), CHECKSUM),
    "blocks swapped": (lambda path: path.write_bytes(swapped(path.read_bytes())), CHECKSUM),
    "folder": (lambda path: (path.unlink(), path.mkdir()), NO_FILE),
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), NO_FILE),
    "link": (lambda path: path.symlink_to(path.rename(path.with_name("elsewhere"))), "symbolic link"),
    "log": (lambda path: log_beside(path).write_bytes(b""), LOG),
    "link as log": (lambda path: log_beside(path).symlink_to("/nonexistent"), LOG),
    "no manifest": (lambda path: path.with_suffix(".json").unlink(), "it is missing"),
    "empty manifest": (manifest_of(""), MANIFEST),
    "list as manifest": (manifest_of("[]"), MANIFEST),
    "manifest of nothing": (manifest_of('{"sha256": null, "size": -1}'), MANIFEST),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named(sealed, damage, reason):
    damage(sealed)
    with pytest.raises(DamageError, match=reason):
        verify(sealed)


def test_damage_after_the_first_look_is_seen(sealed):
    verify(sealed)
    copy = sealed.with_name("copy")
    copy.write_bytes(flipped(sealed.read_bytes()))
    copy.replace(sealed)
    with pytest.raises(DamageError):
        verify(sealed)


def in_format(path, storage):
    """Let the file claim storage format `storage`, with the checksum that DuckDB itself computes for that."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 12, storage)
    path.write_bytes(data)
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect(str(path), read_only=True)
    struct.pack_into("<Q", data, 0, int(re.search(r"computed checksum (\d+)", str(caught.value))[1]))
    path.write_bytes(data)


def test_data_of_a_later_duckdb_names_both_versions(sealed):
    in_format(sealed, 5000)
    reseal(sealed, duckdb="99.1.0")
    with pytest.raises(WarehouseError) as caught:
        verify(sealed)
    assert caught.value.kind == "newer"
    assert "99.1.0" in caught.value.message
    assert duckdb.__version__ in caught.value.message


def test_data_of_a_later_duckdb_that_this_one_can_read_is_intact(sealed):
    reseal(sealed, duckdb="99.1.0")
    assert verify(sealed).duckdb == "99.1.0"


def damaged(data, rng):
    """A random damage of the kinds that disks, copies and people do."""
    made, at, size = bytearray(data), rng.randrange(len(data)), rng.choice([1, 8, 512, 4096])
    kind = rng.choice(["flip", "zero", "swap", "cut", "repeat"])
    if kind == "flip":
        made[at] ^= 1 << rng.randrange(8)
    elif kind == "zero":
        made[at : at + size] = bytes(len(made[at : at + size]))
    elif kind == "swap":
        a, b = (rng.randrange(len(data) // 4096) * 4096 for _ in range(2))
        made[a : a + 4096], made[b : b + 4096] = made[b : b + 4096], made[a : a + 4096]
    elif kind == "cut":
        del made[at:]
    else:
        made[at:at] = made[at : at + size]
    return bytes(made)


@pytest.mark.parametrize("cases", [150, pytest.param(5000, marks=pytest.mark.long)])
def test_no_random_damage_goes_unnoticed(sealed, cases):
    rng, intact, noticed = random.Random(7), sealed.read_bytes(), 0
    while noticed < cases:
        data = damaged(intact, rng)
        if data == intact:
            continue
        sealed.write_bytes(data)
        datafile._digests.clear()
        with pytest.raises(DamageError):
            verify(sealed)
        noticed += 1
    sealed.write_bytes(intact)
    datafile._digests.clear()
    verify(sealed)
