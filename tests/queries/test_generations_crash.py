"""The embedded warehouse's files when processes die and disks fail: readers see old data or new, never a mix."""

import errno
import itertools
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from queries import datafile
from queries.errors import WarehouseError
from queries.generations import OURS, Generations
from tests.queries import crash
from tests.queries.crash import put, read

ROOT = Path(__file__).parents[2]


def start(*arguments, **options):
    command = [sys.executable, "-m", "tests.queries.crash", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


def write(folder, value, keep=3):
    with Generations(folder, keep).writing() as path:
        put(path, value)


def orphans(folder):
    """Names that belong neither to a whole generation nor to the folder itself."""
    names = set(os.listdir(folder)) - {"CURRENT", "LOCK"}
    whole = {n for n in names if (stem := n.split(".")[0]) and {f"{stem}.duckdb", f"{stem}.json"} <= names}
    return names - {n for n in whole if OURS.fullmatch(n) and n.count(".") == 1}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "warehouse"
    for value in (1, 2):
        write(folder, value)
    return folder


@pytest.mark.parametrize("before", [0, 2], ids=["first write", "later write"])
def test_a_death_at_any_step_leaves_the_old_data_or_the_new(tmp_path, before):
    template, payload, cases = tmp_path / "template", tmp_path / "payload.duckdb", tmp_path / "cases"
    template.mkdir()
    for value in range(1, before + 1):
        write(template, value, keep=2)
    put(payload, 9)
    died = start("steps", template, payload, cases)
    assert died.wait(timeout=120) == 0
    seen = set()
    for folder in sorted(cases.iterdir()):
        datafile._digests.clear()
        try:
            value = read(Generations(folder).current())
        except WarehouseError as problem:
            assert problem.kind == "missing", folder.name
            value = 0
        assert value in (before, 9), folder.name
        seen.add(value)
        with Generations(folder, keep=2).writing() as path:
            assert (read(path) if path.exists() else 0) == value
            shutil.copyfile(payload, path)
        assert read(Generations(folder).current()) == 9
        assert not orphans(folder), folder.name
    assert seen == {before, 9}
    assert len(list(cases.iterdir())) > 40


@pytest.mark.parametrize("kills", [3, pytest.param(1000, marks=pytest.mark.long)])
def test_readers_notice_nothing_of_writers_that_are_killed(folder, tmp_path, kills):
    rng, stop = random.Random(11), tmp_path / "stop"
    readers = [start("watch", folder, stop) for _ in range(2)]
    for _ in range(kills):
        writer = start("write", folder)
        assert writer.stdout.readline() == "written\n"
        time.sleep(rng.uniform(0, 0.2))
        writer.kill()
        writer.communicate()
    stop.touch()
    counts = [int(reader.communicate(timeout=60)[0]) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0]
    assert min(counts) > kills
    value = read(Generations(folder).current())
    assert value >= 2 + kills
    write(folder, value + 1)
    assert read(Generations(folder).current()) == value + 1
    assert not orphans(folder)


def test_a_dead_writer_holds_nothing_up_and_a_living_one_does(folder):
    writer = start("hold", folder)
    assert writer.stdout.readline() == "writing\n"
    with pytest.raises(WarehouseError) as caught:
        write(folder, 3)
    assert caught.value.kind == "busy"
    assert f"process {writer.pid}, since 20" in caught.value.message
    writer.kill()
    writer.communicate()
    write(folder, 3)
    assert read(Generations(folder).current()) == 3
    assert not orphans(folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_a_failure_of_any_step_leaves_the_old_data_or_the_new(folder, monkeypatch, code):
    for name in crash.STEPS:
        monkeypatch.setattr(os, name, getattr(os, name))  # so that the shim is taken off again
    counted, failing = itertools.count(1), 0

    def act(call):
        if next(counted) == failing:
            raise OSError(code, os.strerror(code), "/secret/path")
        return call()

    originals = {name: getattr(os, name) for name in crash.STEPS}
    failures = 0
    for failing in itertools.count(1):
        old = read(Generations(folder).current())
        counted = itertools.count(1)
        crash.shim(act)
        try:
            write(folder, old + 1)
        except WarehouseError as problem:
            failures += 1
            assert problem.kind == "failed"
            assert os.strerror(code) in problem.message
            assert "secret" not in str(problem)
        finally:
            for name, original in originals.items():
                setattr(os, name, original)
        assert read(Generations(folder).current()) in (old, old + 1)
        if next(counted) <= failing:
            break
    assert failures > 20
    write(folder, 99)
    assert read(Generations(folder).current()) == 99
    assert not orphans(folder)


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.long)])
def test_a_full_disk_leaves_the_old_data(folder, count):
    sizes = [1 + i * 3_500_000 // count for i in range(count)]
    filled = start("fill", folder, *sizes)
    results = filled.communicate(timeout=600)[0].split()
    assert filled.returncode == 0
    assert len(results) == count
    assert "written" not in results
    assert read(Generations(folder).current()) == 2
    assert not orphans(folder)


def test_every_byte_is_on_disk_before_the_name_that_points_to_it(folder, monkeypatch):
    done = []

    def noted(kind, call, name_of):
        monkeypatch.setattr(os, kind, lambda *given: (done.append((kind, name_of(*given))), call(*given))[1])

    noted("fsync", os.fsync, lambda handle: Path(os.readlink(f"/proc/self/fd/{handle}")).name)
    noted("rename", os.rename, lambda _, target: Path(target).name)
    noted("replace", os.replace, lambda _, target: Path(target).name)
    write(folder, 3)
    assert done == [
        ("fsync", "lifecycle-000003.duckdb"),
        ("rename", "lifecycle-000003.duckdb"),
        ("fsync", "lifecycle-000003.json"),
        ("replace", "lifecycle-000003.json"),
        ("fsync", "warehouse"),
        ("fsync", "CURRENT"),
        ("replace", "CURRENT"),
        ("fsync", "warehouse"),
    ]
