"""The cache of compiled code gives back what was saved or nothing, whatever happens to its files."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from wengert.compile import cache

NAME = cache.key("a program")
CODE = bytes(range(256)) * 3
HOUR = 3600


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    place = tmp_path / "code"
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(place))
    monkeypatch.setattr(cache, "_counts", {"hits": 0, "misses": 0})
    monkeypatch.setattr(cache, "_reported", set())
    return place


def file_of(place, name=NAME):
    return place / f"{name}.code"


def test_what_was_saved_is_found():
    assert cache.load(NAME) is None
    cache.save(NAME, CODE)
    cache.save(cache.key("another"), b"")
    assert cache.load(NAME) == CODE
    assert cache.load(cache.key("another")) == b""
    assert cache.load(cache.key("a third")) is None
    found = cache.statistics()
    assert (found.entries, found.hits, found.misses) == (2, 2, 2)
    assert found.bytes > len(CODE)


def test_a_key_tells_its_parts_apart():
    keys = [
        cache.key(*parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("1:a",), ("a",)]
    ]
    assert len(set(keys)) == len(keys)
    assert all(key.isalnum() for key in keys)


# Damage --------------------------------------------------------------------------------------------------------------


def truncated(file):
    file.write_bytes(file.read_bytes()[:-1])


def emptied(file):
    file.write_bytes(b"")


def lengthened(file):
    file.write_bytes(file.read_bytes() + b"\0")


def only_code(file):
    file.write_bytes(CODE)


def under_another_name(file):
    cache.save(cache.key("another"), b"other code")
    file.write_bytes(file_of(file.parent, cache.key("another")).read_bytes())


def a_link(file):
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


@pytest.mark.parametrize("damage", [truncated, emptied, lengthened, only_code, under_another_name, a_link])
def test_a_damaged_entry_is_ignored_and_rewritten(place, damage):
    cache.save(NAME, CODE)
    damage(file_of(place))
    assert cache.load(NAME) is None
    cache.save(NAME, CODE)
    assert cache.load(NAME) == CODE


def test_no_byte_of_an_entry_can_be_another(place):
    cache.save(NAME, CODE[:40])
    data = file_of(place).read_bytes()
    for i in range(len(data)):
        file_of(place).write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        assert cache.load(NAME) is None, i


def test_what_is_no_file_is_ignored(place):
    file_of(place).mkdir(parents=True)
    (file_of(place) / "something").touch()
    place.chmod(0o700)
    assert cache.load(NAME) is None
    cache.save(NAME, CODE)
    assert cache.load(NAME) is None
    assert [p.name for p in place.iterdir()] == [file_of(place).name]  # and nothing unfinished is left


def test_a_write_that_fails_leaves_nothing(place, monkeypatch):
    def refuse(source, target):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", refuse)
    cache.save(NAME, CODE)
    assert list(place.iterdir()) == []


# Whose it is ---------------------------------------------------------------------------------------------------------

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")


@posix
def test_only_the_user_may_read_and_write(place):
    cache.save(NAME, CODE)
    assert place.stat().st_mode & 0o777 == 0o700
    assert file_of(place).stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_code_that_others_may_have_written_is_not_run(place, mode):
    cache.save(NAME, CODE)
    file_of(place).chmod(mode)
    assert cache.load(NAME) is None
    cache.save(NAME, CODE)
    assert cache.load(NAME) == CODE


@posix
def test_a_directory_that_others_may_write_to_is_not_used(place):
    cache.save(NAME, CODE)
    place.chmod(0o770)
    assert cache.load(NAME) is None
    cache.save(cache.key("another"), CODE)
    assert len(list(place.iterdir())) == 1
    cache.clear()
    assert len(list(place.iterdir())) == 1
    assert cache.statistics().entries == 0


@posix
def test_what_belongs_to_another_user_is_not_used(place, monkeypatch):
    cache.save(NAME, CODE)
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    assert cache.load(NAME) is None
    cache.save(cache.key("another"), CODE)
    assert len(list(place.iterdir())) == 1


# Where it is ---------------------------------------------------------------------------------------------------------


def test_it_can_be_turned_off(place, monkeypatch):
    cache.save(NAME, CODE)
    monkeypatch.setenv("WENGERT_CACHE", "0")
    assert cache.directory() is None
    assert cache.load(NAME) is None
    cache.save(cache.key("another"), CODE)
    cache.clear()
    assert cache.statistics().directory is None
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize("home", ["/srv/somebody/cache/wengert", "~/.cache/wengert"])
def test_by_default_it_is_where_the_system_wants_caches(monkeypatch, home):
    monkeypatch.delenv("WENGERT_CACHE_DIR")
    monkeypatch.setitem(sys.modules, "platformdirs", SimpleNamespace(user_cache_dir=lambda *args, **kwargs: home))
    place = cache.directory()
    if home.startswith("~"):  # there is no home
        assert place is None
    else:
        assert place is not None
        assert place.as_posix().endswith("/wengert/code")


@pytest.mark.skipif(sys.platform == "win32", reason="there, the working directory cannot be removed")
def test_a_relative_directory_without_a_working_directory_is_none(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setenv("WENGERT_CACHE_DIR", "code")
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cache.directory() is None
    cache.save(NAME, CODE)
    assert cache.load(NAME) is None


def test_where_nothing_can_be_written_it_says_so_once_to_the_log(place, monkeypatch, caplog):
    place.write_text("a file where the directory should be")
    with caplog.at_level(logging.INFO, logger="wengert"):
        cache.save(NAME, CODE)
        cache.save(NAME, CODE)
    assert cache.load(NAME) is None
    assert cache.statistics().entries == 0
    cache.clear()
    assert [str(place) in record.getMessage() for record in caplog.records] == [True]


# How much it is -------------------------------------------------------------------------------------------------------


def aged(place, name, hours):
    then = time.time() - hours * HOUR
    os.utime(file_of(place, name), (then, then))


def test_beyond_the_limit_goes_what_was_not_used_for_longest(place, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE_SIZE", "0.01")
    names = [cache.key(str(i)) for i in range(9)]
    for age, name in enumerate(names):
        cache.save(name, bytes(1000))
        aged(place, name, 50 - age)
    assert cache.load(names[0]) == bytes(1000)  # the oldest is used again
    cache.save(cache.key("one more"), bytes(1000))
    there = [name for name in [*names, cache.key("one more")] if cache.load(name) is not None]
    assert there == [names[0], *names[3:], cache.key("one more")]
    assert cache.statistics().bytes <= 9000


def test_over_many_writes_the_limit_holds(monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE_SIZE", "0.1")
    for i in range(400):
        cache.save(cache.key(str(i)), bytes(900))
    assert cache.statistics().bytes < 200_000


def test_what_is_larger_than_the_limit_is_not_kept(place, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE_SIZE", "0")
    cache.save(NAME, CODE)
    assert not place.exists()


def test_a_limit_that_is_no_number_is_the_usual_one(monkeypatch, caplog):
    monkeypatch.setenv("WENGERT_CACHE_SIZE", "plenty")
    with caplog.at_level(logging.INFO, logger="wengert"):
        cache.save(NAME, CODE)
    assert cache.load(NAME) == CODE
    assert "WENGERT_CACHE_SIZE" in caplog.text


def test_what_was_never_finished_is_removed_in_the_end(place, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE_SIZE", "0.01")
    cache.save(NAME, CODE)
    old, new, foreign = place / "old.part", place / "new.part", place / "notes.txt"
    for file in (old, new, foreign):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    cache.save(NAME, CODE)
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)


def test_clear_removes_all_entries_and_nothing_else(place):
    cache.save(NAME, CODE)
    (place / "notes.txt").touch()
    cache.clear()
    assert cache.load(NAME) is None
    assert [p.name for p in place.iterdir()] == ["notes.txt"]
    cache.save(NAME, CODE)
    assert cache.load(NAME) == CODE


# At the same time -----------------------------------------------------------------------------------------------------

TURMOIL = """
import random
from wengert.compile import cache

random.seed({seed})
names = [cache.key(str(i)) for i in range(5)]
for round in range(300):
    i = random.randrange(5)
    if random.random() < 0.4:
        cache.save(names[i], bytes([i]) * 50_000)
    elif random.random() < 0.02:
        cache.clear()
    else:
        assert cache.load(names[i]) in (None, bytes([i]) * 50_000)
print("good")
"""


def test_processes_and_threads_do_not_disturb_each_other(place):
    others = [
        subprocess.Popen([sys.executable, "-c", TURMOIL.format(seed=seed)], stdout=subprocess.PIPE, text=True)
        for seed in range(2)
    ]
    faults = []

    def here(seed):
        try:
            exec(TURMOIL.format(seed=seed).replace("print", "str"), {})
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=here, args=(seed,)) for seed in range(2, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for other in others:
        assert other.communicate(timeout=60)[0].strip() == "good"
    assert not list(place.glob("*.part"))
