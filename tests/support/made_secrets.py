"""Secrets of many forms that no service has given out, in sentences as people and tools write them.

They are made when they are asked for, so that no file of this repository holds the like.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "MadeSecret",
    "made_secrets",
]

LETTERS = string.ascii_letters
DIGITS = string.digits
MIXED = LETTERS + DIGITS
LOWER = string.ascii_lowercase + DIGITS
UPPER = string.ascii_uppercase + DIGITS
HEX = "0123456789abcdef"
URL_SAFE = MIXED + "-_"
BASE64 = MIXED + "+/"

TOKENS: tuple[tuple[str, str], ...] = (
    # kind, then parts: a literal, or a number and an alphabet
    ("AWS key id", "AKIA|16 UPPER"),
    ("AWS key id", "ASIA|16 UPPER"),
    ("Google API key", "AIza|35 URL_SAFE"),
    ("Google OAuth", "GOCSPX-|28 URL_SAFE"),
    ("Google OAuth", "ya29.a0|60 URL_SAFE"),
    ("GitHub", "ghp_|36 MIXED"),
    ("GitHub", "gho_|36 MIXED"),
    ("GitHub", "ghs_|36 MIXED"),
    ("GitHub", "github_pat_|22 MIXED|_|59 MIXED"),
    ("GitLab", "glpat-|20 URL_SAFE"),
    ("GitLab", "glrt-|20 URL_SAFE"),
    ("Slack", "xoxb-|12 DIGITS|-|13 DIGITS|-|24 MIXED"),
    ("Slack", "xoxp-|12 DIGITS|-|12 DIGITS|-|12 DIGITS|-|32 HEX"),
    ("Slack", "xapp-1-A|10 UPPER|-|13 DIGITS|-|64 HEX"),
    ("Slack", "https://hooks.slack.com/services/T|8 UPPER|/B|8 UPPER|/|24 MIXED"),
    ("Stripe", "sk_live_|24 MIXED"),
    ("Stripe", "rk_live_|24 MIXED"),
    ("Stripe", "sk_test_|24 MIXED"),
    ("Stripe", "whsec_|32 MIXED"),
    ("OpenAI", "sk-|20 MIXED|T3BlbkFJ|20 MIXED"),
    ("OpenAI", "sk-proj-|74 URL_SAFE|T3BlbkFJ|20 MIXED"),
    ("OpenAI", "sk-svcacct-|60 URL_SAFE"),
    ("Anthropic", "sk-ant-api03-|93 URL_SAFE|AA"),
    ("Anthropic", "sk-ant-oat01-|80 URL_SAFE"),
    ("Hugging Face", "hf_|34 LETTERS"),
    ("npm", "npm_|36 MIXED"),
    ("PyPI", "pypi-AgEIcHlwaS5vcmc|100 URL_SAFE"),
    ("SendGrid", "SG.|22 URL_SAFE|.|43 URL_SAFE"),
    ("Twilio", "SK|32 HEX"),
    ("Telegram", "|9 DIGITS|:AA|33 URL_SAFE"),
    ("Discord", "M|25 MIXED|.|6 MIXED|.|27 MIXED"),
    ("Groq", "gsk_|52 MIXED"),
    ("Databricks", "dapi|32 HEX"),
    ("DigitalOcean", "dop_v1_|64 HEX"),
    ("Docker", "dckr_pat_|27 URL_SAFE"),
    ("Vault", "hvs.|90 URL_SAFE"),
    ("Notion", "ntn_|46 MIXED"),
    ("Linear", "lin_api_|40 MIXED"),
    ("Shopify", "shpat_|32 HEX"),
    ("Azure", "AccountKey=|86 BASE64|=="),
)

TOKEN_PLACES = (
    "{}",
    "here is the key: {}, please keep it safe",
    "export SERVICE_KEY={}",
    '{{"credentials": {{"value": "{}"}}}}',
    "I pasted `{}` by mistake.",
)

PASSWORD_PLACES: tuple[tuple[str, str], ...] = (
    ("password, assigned", "DB_PASSWORD={}"),
    ("password, assigned", 'password = "{}"'),
    ("password, assigned", "spring.datasource.password: {}"),
    ("password, JSON", '{{"user": "ana", "password": "{}"}}'),
    ("password, JSON", '{{"dbPassword":"{}","port":5432}}'),
    ("password, command", "mysql --password={} -h db"),
    ("password, command", "curl -u ana:{} https://api.example.org/v1"),
    ("password, command", "PGPASSWORD={} psql -h db"),
    ("password, sentence", "my password is {}, but don't tell anyone"),
    ("password, sentence", "The wifi password: {}"),
    ("password, sentence", "**Password:** `{}`"),
    ("password, other languages", "密码：{}"),
    ("password, other languages", "Passwort: {}"),
    ("address with a password", "postgresql://app:{}@db.internal:5432/prod"),
    ("address with a password", "redis://:{}@cache:6379/0"),
    ("address with a password", "mongodb+srv://root:{}@cluster0.example.net/?retryWrites=true"),
    ("address with a password", "git clone https://deploy:{}@git.example.org/app.git"),
    ("key, assigned", "aws_secret_access_key = {}"),
    ("key, assigned", "API_KEY={}"),
    ("key, assigned", '"client_secret": "{}"'),
    ("key, assigned", "x-api-key: {}"),
    ("key, assigned", "SECRET_KEY = '{}'"),
    ("header", "Authorization: Bearer {}"),
    ("header", "-H 'authorization: token {}'"),
)


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """A text, and the secret in it."""

    kind: str
    text: str
    secret: str


def made_secrets(seed: int = 7) -> list[MadeSecret]:
    """Some 340 texts with a secret each."""
    source = random.Random(seed)
    return [*_tokens(source), *_passwords(source), *_keys(source), *_bare(source)]


def _tokens(source: random.Random) -> Iterator[MadeSecret]:
    for kind, form in TOKENS:
        for place in TOKEN_PLACES:
            secret = "".join(_part(part, source) for part in form.split("|"))
            yield MadeSecret(kind, place.format(secret), secret.removeprefix("AccountKey="))


def _part(part: str, source: random.Random) -> str:
    n, _, name = part.partition(" ")
    if not (n.isdigit() and name):
        return part
    alphabet = globals()[name]
    inner = "".join(source.choices(alphabet, k=int(n) - 1))
    return inner + source.choice([char for char in alphabet if char.isalnum()])


def _passwords(source: random.Random) -> Iterator[MadeSecret]:
    for kind, place in PASSWORD_PLACES:
        for n in (8, 14, 24) if not kind.startswith(("key", "header")) else (20, 32, 40):
            marks = "!$%&*#?^~" if kind.startswith("password") else ""
            word = "".join(source.choices(MIXED, k=n - 3)) + source.choice(DIGITS)
            word = f"{source.choice(LETTERS)}{word}{source.choice(marks or MIXED)}x"
            yield MadeSecret(kind, place.format(word), word)


def _keys(source: random.Random) -> Iterator[MadeSecret]:
    for kind in ("RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"):
        data = base64.b64encode(source.randbytes(600)).decode()
        lines = "\n".join(data[i : i + 64] for i in range(0, len(data), 64))
        text = f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"
        yield MadeSecret("private key", f"cat id\n{text}\n$ ls", lines[100:160])
        yield MadeSecret("private key", json.dumps({"key": text}), lines[70:120])
        yield MadeSecret("private key", f"cut off: {text[:300]}", lines[100:160])
    for _ in range(5):
        head = _jwt_part('{"alg":"HS256","typ":"JWT"}')
        claims = _jwt_part(json.dumps({"sub": str(source.randrange(10**9)), "admin": True}))
        token = f"{head}.{claims}." + "".join(source.choices(URL_SAFE, k=42)) + "x"
        yield MadeSecret("JWT", f"cookie: session={token}; Path=/", token)
        yield MadeSecret("JWT", f"the token {token} expires soon", token)


def _jwt_part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _bare(source: random.Random) -> Iterator[MadeSecret]:
    """Strings of high entropy with no word around them that says what they are."""
    for alphabet, n in ((MIXED, 32), (BASE64, 40), (HEX, 64), (URL_SAFE, 43), (LOWER, 25)):
        for _ in range(4):
            secret = "".join(source.choices(alphabet, k=n - 1)) + "x"
            yield MadeSecret("entropy alone", f"it printed {secret} again", secret)
