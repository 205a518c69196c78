"""ServerPool: places, rests, and the state of servers after requests that fail side by side."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.readers.fake_vllm import CLOSED

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.vllm.servers import ServerPool, Unready


async def answer(server):
    return "answer"


async def fail(server):
    raise Unready("engine is dead")


def test_a_request_that_finds_no_free_place_in_time_gets_the_reason():
    async def test():
        pool = ServerPool([CLOSED], concurrency=1, rest=30)
        end = asyncio.Event()

        async def wait(server):
            await end.wait()
            return "answer"

        request = asyncio.create_task(pool.ask(wait, 60))
        await asyncio.sleep(0)
        with pytest.raises(ReaderUnavailable, match="busy with other requests"):
            await pool.ask(answer, 0.1)
        end.set()
        assert await request == "answer"
        assert await pool.ask(answer, 60) == "answer"

    asyncio.run(test())


def test_a_request_that_waits_for_a_place_gets_it_as_soon_as_it_is_free():
    async def test():
        pool = ServerPool([CLOSED], concurrency=1, rest=30)

        async def wait(server):
            await asyncio.sleep(0.2)
            return server.in_flight

        start_time = time.monotonic()
        assert await asyncio.gather(*[pool.ask(wait, 60) for _ in range(3)]) == [1, 1, 1]
        assert time.monotonic() - start_time < 20

    asyncio.run(test())


def test_a_server_that_has_just_answered_no_longer_rests():
    async def test():
        pool = ServerPool([CLOSED], concurrency=2, rest=30)

        async def answer_later(server):
            with pytest.raises(ReaderUnavailable):  # a second request fails before this answer
                await pool.ask(fail, 1)
            assert server.resting_until > time.monotonic() + 10
            return "late answer"

        start_time = time.monotonic()
        assert await pool.ask(answer_later, 60) == "late answer"
        assert await pool.ask(answer, 60) == "answer"
        assert time.monotonic() - start_time < 10

    asyncio.run(test())


def test_of_requests_that_fail_side_by_side_the_last_error_counts_and_one_rest():
    async def test():
        pool = ServerPool([CLOSED], concurrency=2, rest=30)
        (server,) = pool.servers
        rests: list[float] = []

        async def fail_later(server):
            with pytest.raises(ReaderUnavailable):
                await pool.ask(fail, 1)
            server.model = "ocr"  # another request checked the server in between
            rests.append(server.resting_until)
            raise Unready("engine was upgraded")

        with pytest.raises(ReaderUnavailable, match="engine was upgraded"):
            await pool.ask(fail_later, 1)
        assert (server.failures, server.model, server.in_flight) == (1, None, 0)
        assert rests == [server.resting_until]

    asyncio.run(test())


def test_a_server_that_fails_again_rests_longer_and_gets_one_request_at_a_time():
    async def test():
        pool = ServerPool([CLOSED], concurrency=3, rest=0.1)
        (server,) = pool.servers
        loads: list[int] = []

        async def fail_twice(server):
            loads.append(server.in_flight)
            await asyncio.sleep(0.01)
            if len(loads) < 5:
                raise Unready("engine is loading")
            return "answer"

        answers = await asyncio.gather(*[pool.ask(fail_twice, 60) for _ in range(3)])
        assert answers == ["answer"] * 3
        assert loads[:5] == [1, 2, 3, 1, 1]
        assert server.failures == 0

    asyncio.run(test())


def test_a_cancelled_request_says_nothing_of_its_server():
    async def test():
        pool = ServerPool([CLOSED], concurrency=2, rest=30)
        (server,) = pool.servers
        server.failures = 3
        server.error = Unready("engine is dead")
        request = asyncio.create_task(pool.ask(lambda server: asyncio.sleep(60), 60))
        await asyncio.sleep(0)
        assert server.in_flight == 1
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert (server.in_flight, server.failures, str(server.error)) == (0, 3, "engine is dead")

    asyncio.run(test())
