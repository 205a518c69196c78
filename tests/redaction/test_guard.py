"""The guard against secrets: what it finds, and what it leaves as it is."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import uuid

import pytest
from support.all_fields import all_fields
from support.made_secrets import made_secrets

from optical_memory import Turn
from optical_memory.errors import InputError
from optical_memory.redaction.masks import masked_json, masked_text
from optical_memory.redaction.redact import open_redaction
from optical_memory.turns import Attachment, ToolCall

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PASSWORD = "Tr0ub4dor&3x"


def name_of(secret: str) -> str:
    return "abcd" if secret == TOKEN else "wxyz"


GUARD = open_redaction("mask", name_of)


def masked(text: str) -> str:
    turn = GUARD.turn(Turn("user", text))
    assert turn is not None
    return turn.text


def test_all_made_up_secrets_with_a_form_or_a_word_are_masked():
    """Strings that nothing marks as secret are left: they look like identifiers."""
    secrets = [secret for secret in made_secrets() if secret.kind != "entropy alone"]
    assert len(secrets) >= 200
    missed = [secret.kind for secret in secrets if secret.secret in masked(secret.text)]
    assert missed == []


KEY_LINE = "MIIEowIBAAKCAQEAx7Gh3kz9Qw1Er2Ty"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n{KEY_LINE}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("start", ["> ", "+", "# ", "    ", "7\t", "| ", '  "'])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_private_key_that_is_quoted_or_numbered_is_masked(start: str, is_whole: bool):
    key = KEY if is_whole or start == "7\t" else KEY.rpartition("\n")[0]
    text = "\n".join(f"{start}{line}" for line in ["It is:", *key.split("\n")])
    assert KEY_LINE not in masked(text)
    assert masked(text).startswith(f"{start}It is:")
    if is_whole:
        assert masked(f"{text}\n\nThat is all.").endswith("\n\nThat is all.")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "password:\n{}",
            "password: |\n  {}\n",
            "password:\u00a0{}",
            "token: >-\n\n    {}\nuser: x",
        ),
        *("<password>{}</password>", "| api key | {} |", "d['password'] = '{}'"),
        *("password: str = '{}'", "const secret: string = '{}'", "password = b'{}'"),
        *('<add key="db_password" value="{}"/>', '<input name="password" value="{}">'),
        *("- name: DB_PASSWORD\n  value: {}", "password: {}[secret abcd]"),
        "postgres://ana:{}[secret]@example.org/db",
    ],
)
def test_a_secret_is_masked_however_its_word_stands_by_it(text: str):
    result = masked(text.format("hunter2!Xk9"))
    assert "hunter2" not in result
    assert masked(result) == result


@pytest.mark.parametrize(
    "value",
    [
        *({"name": "DB_PASSWORD", "value": PASSWORD}, {"key": "api_key", "value": PASSWORD}),
        *(["mysql", "--password", PASSWORD], ["curl", "-u", f"ana:{PASSWORD}", "https://x.io"]),
        {"body": json.dumps({"inner": json.dumps({"deep": json.dumps({"password": PASSWORD})})})},
    ],
)
def test_a_secret_in_the_structure_of_arguments_is_masked_and_they_stay_json(value: object):
    arguments = masked_json(json.dumps(value), name_of_mask)
    assert PASSWORD not in arguments
    assert "[secret wxyz]" in arguments
    assert json.loads(arguments)


def test_what_is_masked_once_stays_as_it_is():
    for secret in made_secrets():
        text = masked(secret.text)
        assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"The build is at commit {hashlib.sha1(b'x').hexdigest()}.",
        f"sha256: {hashlib.sha256(b'x').hexdigest()}",
        f"order {uuid.UUID(int=2**127 + 5)} was sent, token: {uuid.UUID(int=2**126 + 9)}",
        "The gate code is 4417#, my PIN is 1234, and parcel PX-7731-ZZ waits.",
        f'"integrity": "sha512-{base64.b64encode(hashlib.sha512(b"x").digest()).decode()}"',
        f"![](data:image/png;base64,{base64.b64encode(random.Random(3).randbytes(9000)).decode()})",
        "password: required, token: string, secret = None, api_key=os.environ['API_KEY']",
        'password = get_password(user)\ntoken = tokens[0].value\nsecret: "${DB_SECRET}"',
        "I forgot my password yesterday, and the secret is that nobody noticed.",
        "--- PASS: TestParse/with_2_tokens (0.00s)",
        "max_tokens: 4096, token_count=128, next_token: 17",
        "Mail ana@example.org or git@github.com:ana/app.git, see https://ana@example.org/x",
        'call_id "call_8sKdE2fA9xQpL0mZ", message msg_01XFDUDYJgAACzvnptvVoYEL',
        "sk-learn and sk-SK are no keys; eyJ is how they begin.",
        "Reference: RES-4KX9QZ, IBAN DE89370400440532013000, tel +49 30 1234567",
    ],
)
def test_identifiers_and_talk_stay_whole(text: str):
    assert masked(text) == text


def test_real_conversations_stay_whole(data_dir):
    """Of coding sessions, talk, and tool calls with reservation codes."""
    from optical_memory.loaders import load_file

    files = [
        *sorted((data_dir / "eval/specstory").glob("*.md"))[:8],
        data_dir / "eval/locomo_dev3.json",
    ]
    n_turns = 0
    for file in files:
        for conversation in load_file(file).conversations:
            for turn in conversation.turns:
                n_turns += 1
                assert GUARD.turn(turn) == turn
    assert n_turns > 1_000


def test_every_field_of_a_turn_is_masked():
    call = ToolCall(f"deploy {TOKEN}", json.dumps({"password": PASSWORD, "n": 1.50}), TOKEN)
    picture = Attachment("image", f"https://ana:{PASSWORD}@example.org/a.png", f"my key {TOKEN}")
    turn = GUARD.turn(Turn("tool", f"got {TOKEN}", TOKEN, None, TOKEN, (call,), TOKEN, (picture,)))
    assert turn is not None
    assert TOKEN not in all_fields(turn)
    assert PASSWORD not in all_fields(turn)
    assert turn.id == turn.tool_call_id == turn.tool_calls[0].id == "[secret abcd]"
    assert json.loads(turn.tool_calls[0].arguments) == {"password": "[secret wxyz]", "n": 1.5}


@pytest.mark.parametrize(
    ("arguments", "masked_arguments"),
    [
        (r'{"password": "hun\"ter2x", "n": 1.50}', '{"password": "[secret wxyz]", "n": 1.50}'),
        (r'{"password": "hunter2\u0021x"}', '{"password": "[secret wxyz]"}'),
        (
            r'{"url": "https:\/\/ana:hunter22@example.org"}',
            '{"url": "https://ana:[secret wxyz]@example.org"}',
        ),
        (
            r'{"path": "C:\\new", "password": "hunter22"',
            r'{"path": "C:\\new", "password": "[secret wxyz]"',
        ),
        (
            r'{"body": "{\"password\": \"hunter22\"}"}',
            r'{"body": "{\"password\": \"[secret wxyz]\"}"}',
        ),
        ('{"query": "gate 4417"}', '{"query": "gate 4417"}'),
    ],
)
def test_arguments_of_a_tool_stay_json_and_all_else_in_them_as_written(
    arguments: str, masked_arguments: str
):
    assert masked_json(arguments, name_of_mask) == masked_arguments


def name_of_mask(secret: str) -> str:
    return "[secret wxyz]"


def test_a_text_with_a_lone_surrogate_is_masked_too():
    assert masked_text(f"\ud800 {TOKEN}", name_of_mask) == "\ud800 [secret wxyz]"


@pytest.mark.parametrize(
    "piece",
    [
        *("eyJ", "-eyJa.", "sk-", "password:", "://a:", "-----BEGIN PRIVATE KEY-----", "xox", "a"),
        *("pass", "token is ", '"password": "', "AccountKey=", "ghp_", "1234567:", "Bearer a"),
        *("password:\n", "| token | ", "name: token\nvalue: ", "-----END PRIVATE KEY-----"),
        *('{"\\', "-----BEGIN ", "api_key", "hooks.slack.com/", "M.a.", "A", "//:_authToken="),
    ],
)
def test_the_time_grows_with_the_text(piece: str):
    """A text of one repeated beginning, of 400,000 characters."""
    text = piece * (400_000 // len(piece))
    start = time.process_time()
    masked_json(text, name_of_mask)
    assert time.process_time() - start < 2.0


def test_drop_keeps_a_turn_with_a_secret_out_and_all_others_as_they_are():
    guard = open_redaction("drop", name_of)
    harmless = Turn("user", "The gate code is 4417#.")
    assert guard.turns([harmless, Turn("user", f"key: {TOKEN}")]) == [harmless, None]
    assert guard.n_kept_out == 1


def test_a_function_may_change_or_keep_out_a_turn():
    redaction = open_redaction(lambda turn: None if "out" in turn.text else turn, name_of)
    assert redaction.turns([Turn("user", "in"), Turn("user", "out")]) == [Turn("user", "in"), None]
    assert (redaction.query("in"), redaction.query("out")) == ("in", "")


def test_a_function_that_fails_or_gives_another_thing_keeps_nothing():
    def fails(turn: Turn) -> Turn:
        raise LookupError("no rule")

    with pytest.raises(InputError, match="redact raised LookupError"):
        open_redaction(fails, name_of).turn(Turn("user", "x"))
    with pytest.raises(InputError, match="redact must give a turn or None, not str"):
        open_redaction(lambda turn: turn.text, name_of).turn(Turn("user", "x"))


@pytest.mark.parametrize("redact", ["masks", "", 3, True])
def test_another_value_is_refused(redact: object):
    with pytest.raises(InputError, match="redact must be"):
        open_redaction(redact, name_of)
