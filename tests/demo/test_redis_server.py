"""The network's own Redis, where this machine has one: it keeps what it was given, whatever ended the demo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from redis import Redis

from demo.redis_server import RedisServer, available

pytestmark = pytest.mark.skipif(not available(), reason="redis-server is not installed")


def test_it_keeps_its_port_and_what_it_was_given(tmp_path: Path) -> None:
    first = RedisServer(tmp_path)
    Redis.from_url(first.url).rpush("told", "W1")
    first.stop()
    second = RedisServer(tmp_path, first.port)
    try:
        assert (second.port, Redis.from_url(second.url).lrange("told", 0, -1)) == (first.port, [b"W1"])
    finally:
        second.stop()
    assert not (tmp_path / "redis.pid").exists()


def test_one_that_a_killed_demo_left_behind_is_ended_first(tmp_path: Path) -> None:
    left = RedisServer(tmp_path)
    Redis.from_url(left.url).rpush("told", "W1")
    pid = int((tmp_path / "redis.pid").read_text())
    found = RedisServer(tmp_path, left.port)
    try:
        assert Redis.from_url(found.url).llen("told") == 1
        os.waitpid(pid, 0)
    finally:
        found.stop()


def test_another_port_where_a_stranger_has_it(tmp_path: Path) -> None:
    stranger = RedisServer(tmp_path / "a")
    found = RedisServer(tmp_path / "b", stranger.port)
    try:
        assert found.port != stranger.port
    finally:
        found.stop()
        stranger.stop()
