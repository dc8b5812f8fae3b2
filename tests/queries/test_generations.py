"""The embedded warehouse's files: what readers get, what writers may do, and what damage does."""

import errno
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from queries import datafile
from queries.errors import WarehouseError
from queries.generations import Generations
from tests.queries.crash import put, read


def write(folder, value, **options):
    with Generations(folder).writing(**options) as path:
        put(path, value)


def refused(call):
    with pytest.raises(WarehouseError) as caught:
        call()
    assert "/" not in str(caught.value)
    return caught.value


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Three generations that say 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("written") / "warehouse"
    for value in (1, 2, 3):
        write(folder, value)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    datafile._digests.clear()  # a copy may get the inode and the instant of one that an earlier test damaged
    return shutil.copytree(written, tmp_path / "warehouse")


def current_file(folder):
    return folder / Generations(folder).token()


def test_before_the_first_write_there_is_no_data(tmp_path):
    generations = Generations(tmp_path / "absent")
    assert generations.token() == ""
    assert refused(generations.current).kind == "missing"


def test_a_write_becomes_current_whole(tmp_path):
    generations = Generations(tmp_path / "warehouse")
    with generations.writing() as path:
        assert not path.exists()
        put(path, 1)
    assert generations.token() == "lifecycle-000001.duckdb"
    assert read(generations.current()) == 1
    assert generations.notice is None


def test_a_write_begins_with_a_copy_of_the_current_data_or_with_none(folder):
    generations = Generations(folder)
    with generations.writing() as path:
        assert read(path) == 3
        put(path, 4)
    with generations.writing(fresh=True) as path:
        assert not path.exists()
        put(path, 5)
    assert read(generations.current()) == 5


def test_only_the_newest_generations_are_kept(folder):
    write(folder, 4)
    kept = {f"lifecycle-00000{n}.{kind}" for n in (2, 3, 4) for kind in ("duckdb", "json")}
    assert set(os.listdir(folder)) == {"CURRENT", "LOCK"} | kept
    with pytest.raises(ValueError, match="at least 2"):
        Generations(folder, keep=1)


def test_the_folder_and_its_files_are_private(tmp_path):
    folder = tmp_path / "warehouse"
    mask = os.umask(0)
    try:
        write(folder, 1)
    finally:
        os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt])
def test_a_failed_write_leaves_everything_as_it_was(folder, problem):
    before = set(os.listdir(folder))
    with pytest.raises(problem), Generations(folder).writing() as path:
        put(path, 4)
        raise problem
    assert set(os.listdir(folder)) == before
    assert read(Generations(folder).current()) == 3


def test_unfinished_data_is_refused(folder):
    def left_a_log():
        with Generations(folder).writing() as path:
            Path(f"{path}.wal").write_bytes(b"changes")

    def wrote_nothing():
        with Generations(folder).writing(fresh=True):
            pass

    assert refused(left_a_log).kind == refused(wrote_nothing).kind == "failed"
    assert read(Generations(folder).current()) == 3


def test_readers_keep_what_they_have_open(folder):
    with duckdb.connect(str(Generations(folder).current()), read_only=True) as connection:
        for value in (4, 5, 6, 7):
            write(folder, value)
        assert connection.execute("SELECT max(v) FROM one").fetchall() == [(3,)]
    assert read(Generations(folder).current()) == 7


def test_a_second_writer_is_told_who_is_writing(folder):
    with Generations(folder).writing() as path:
        told = refused(Generations(folder).writing().__enter__)
        assert told.kind == "busy"
        assert f"process {os.getpid()}" in told.message
        put(path, 4)
    assert read(Generations(folder).current()) == 4


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "missing": Path.unlink,
    "one bit": flip_a_bit,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a log beside it": lambda path: Path(f"{path}.wal").write_bytes(b""),
    "no manifest": lambda path: path.with_suffix(".json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_shows_the_state_before_and_a_write_heals_it(folder, damage, caplog):
    DAMAGES[damage](current_file(folder))
    generations = Generations(folder)
    assert read(generations.current()) == 2
    assert "lifecycle-000003.duckdb is damaged" in generations.notice
    assert "Shown is the state written 20" in generations.notice
    with generations.writing() as path:
        assert read(path) == 2
        put(path, 4)
    assert generations.notice in caplog.text
    assert read(generations.current()) == 4
    assert generations.notice is None


def test_where_nothing_is_intact_that_is_said(folder):
    for path in folder.glob("*.duckdb"):
        flip_a_bit(path)
    assert refused(Generations(folder).current).kind == "damaged"
    assert refused(Generations(folder).writing().__enter__).kind == "damaged"
    write(folder, 5, fresh=True)
    assert read(Generations(folder).current()) == 5


BAD_POINTERS = [
    None,
    b"",
    b"\xff\n",
    b"lifecycle-000003.duckdb\0",
    b"../x/lifecycle-000003.duckdb",
    b"/etc/passwd",
    b"x" * 99_999,
    "lifecycle-\u0663\u0663\u0663\u0663\u0663\u0663.duckdb".encode(),
]


@pytest.mark.parametrize("pointer", BAD_POINTERS)
def test_a_pointer_is_a_name_of_ours_or_nothing(folder, pointer):
    (folder / "CURRENT").unlink()
    if pointer is not None:
        (folder / "CURRENT").write_bytes(pointer)
    generations = Generations(folder)
    assert generations.token() == ""
    assert read(generations.current()) == 3
    assert "pointer" in generations.notice
    write(folder, 4)
    assert read(generations.current()) == 4


def test_a_pointer_is_no_link(folder, tmp_path):
    (folder / "CURRENT").rename(tmp_path / "elsewhere")
    (folder / "CURRENT").symlink_to(tmp_path / "elsewhere")
    assert Generations(folder).token() == ""


def test_a_generation_later_than_the_pointer_is_not_read(folder):
    (folder / "CURRENT").write_text("lifecycle-000002.duckdb\n")
    assert read(Generations(folder).current()) == 2


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "warehouse").write_text("")
    generations = Generations(tmp_path / "warehouse")
    assert refused(generations.current).kind == "failed"
    assert refused(generations.writing().__enter__).kind == "failed"


def test_a_failing_system_is_not_mistaken_for_damage(folder, monkeypatch):
    def no_more_files(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/secret/path")

    monkeypatch.setattr(os, "open", no_more_files)
    told = refused(Generations(folder).current)
    assert (told.kind, "Too many open files" in told.message) == ("failed", True)
