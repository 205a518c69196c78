"""No password of a store's URL in any message, of ours or of the errors behind it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from support.valkey_server import ALWAYS, Server, running

from optical_memory.errors import InputError, StoreError
from optical_memory.stores import RedisStore, open_store, store_name
from optical_memory.stores.passwords import hide_password

SECRET = "gate4711"


def messages(error: BaseException) -> str:
    """Everything that a log could show: the whole chain, also the links that Python leaves out."""
    text = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        text += repr(link) + str(link)
        link = link.__cause__ or link.__context__
    return text


@pytest.fixture(scope="module")
def forgetful_server() -> Iterator[Server]:
    """A server without AUTH, as some proxies are: it quotes the arguments of unknown commands."""
    with running(**{"rename-command": "AUTH no-auth"}, **ALWAYS) as server:
        yield server


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://alice:{SECRET}@host/db",
        f"redis//:{SECRET}@host",
        f"alice:{SECRET}@host",
        f"//alice:{SECRET}@host",
        f"redis//host?password={SECRET}",
        f"sqlite://alice:{SECRET}@host",
        f"redis://:{SECRET}",
        f"redis://alice:{SECRET}/x@host:1",
        f"redis://alice:{SECRET}#x@host:1",
        f"redis://alice:{SECRET}[@host",
        f"redis://alice:{SECRET}℀@host",
        f"redis+cluster://alice:{SECRET}/x@host:1",
        f"redis://host:port?password={SECRET}",
        f"redis://:{SECRET}@host:1?no_such_option=1",
        f"redis://host:1?password={SECRET}&connection_class=x",
        f"sqlite:///{SECRET}\0.db",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError) as refusal:
        open_store(url)
    assert SECRET not in messages(refusal.value)


@pytest.mark.parametrize("url", [f"mysql://a:{SECRET}@host", f"sqlite://a:{SECRET}@host"])
def test_a_store_without_a_name_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError) as refusal:
        store_name(url)
    assert SECRET not in messages(refusal.value)


@pytest.mark.parametrize("password", [SECRET, f"{SECRET}%2Fx%20y", SECRET * 20], ids=len)
@pytest.mark.parametrize("query", ["protocol=2&password={}", "protocol=2"])
def test_a_server_that_quotes_the_password_does_not_get_it_into_a_message(
    forgetful_server: Server, password: str, query: str
) -> None:
    user = "" if "{}" in query else f":{password}@"
    url = f"unix://{user}{forgetful_server.socket}?{query.format(password)}"
    with closing(RedisStore(url)) as store, pytest.raises(StoreError, match="AUTH") as failure:
        store.version("alice")
    assert isinstance(failure.value.__cause__, redis.ResponseError)
    assert SECRET not in messages(failure.value)


def test_the_password_of_a_client_of_the_users_own_is_hidden_too(forgetful_server: Server) -> None:
    with redis.Redis(
        unix_socket_path=str(forgetful_server.socket), password=SECRET, protocol=2
    ) as client:
        with pytest.raises(StoreError, match="AUTH") as failure:
            RedisStore(client).version("alice")
        assert SECRET not in messages(failure.value)


def test_no_password_stands_in_the_error_of_a_server_that_is_down_or_refuses_it(
    redis_url: str,
) -> None:
    socket = redis_url.removeprefix("unix://")
    urls = [f"redis://alice:{SECRET}@127.0.0.1:1", f"redis+cluster://alice:{SECRET}@127.0.0.1:1"]
    if redis_url.startswith("unix://"):
        urls.append(f"unix://alice:{SECRET}@{socket}")
    for url in urls:
        with closing(RedisStore(url, deadline=0.2)) as store:
            for _ in range(2):  # the second error is the breaker's
                with pytest.raises(StoreError) as failure:
                    store.version("alice")
                assert SECRET not in messages(failure.value)


def test_the_password_is_hidden_in_every_link_of_a_chain() -> None:
    error = redis.ConnectionError(f"AUTH alice {SECRET} failed", 7)
    error.__cause__ = redis.ResponseError(f"cannot send {SECRET}")
    error.__cause__.__context__ = ValueError(SECRET)
    hide_password(error, SECRET)
    assert SECRET not in messages(error)
    assert error.args == ("AUTH alice … failed", 7)


def test_a_message_without_a_password_stays_as_it_is() -> None:
    error = redis.ResponseError("WRONGTYPE Operation against a key")
    hide_password(error, None)
    assert error.args == ("WRONGTYPE Operation against a key",)
