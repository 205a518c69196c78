"""The forms of secrets that services give out, as data: a hint, a pattern, and where it is from.

A text without any of a form's hints is not searched for it: finding a word costs a fraction of a
pattern. No pattern can run over the same characters twice: each begins at a hint, or where a word
begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "OWN_FORMS",
    "PACKAGED_FORMS",
    "TokenForm",
]

WORD = "A-Za-z0-9_"


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A form of secrets. `hints` are words of which a text has at least one, in lower case if
    `any_case`. The last group of the pattern is the secret; without a group it is the whole match.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    any_case: bool = False


PACKAGED_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AWSKeyDetector", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws", "AWS")),
    ("AzureStorageKeyDetector", ("AccountKey=",)),
    ("DiscordBotTokenDetector", (".",)),
    ("GitHubTokenDetector", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    ("GitLabTokenDetector", ("gl", "GR1348941")),
    ("MailchimpDetector", ("-us",)),
    ("PypiTokenDetector", ("pypi-",)),
    ("SendGridDetector", ("SG.",)),
    ("SlackDetector", ("xox", "hooks.slack.com")),
    ("SquareOAuthDetector", ("sq0csp-",)),
    ("StripeDetector", ("k_live_",)),
    ("TelegramBotTokenDetector", (":",)),
    ("TwilioKeyDetector", ("AC", "SK")),
)
"""Plugins of detect-secrets whose patterns are used, by the names of their classes.

Left out: entropy alone, public addresses and "AP" tokens, for they also match commits, checksums
and plain words (docs/privacy.md has the counts); and those that `OWN_FORMS` replace.
"""


def _form(name: str, hints: str, pattern: str) -> TokenForm:
    """A form whose secret begins and ends at the bounds of a word; `hints` are parted by blanks."""
    bounded = f"(?<![{WORD}-])(?:{pattern})(?![{WORD}])"
    return TokenForm(name, tuple(hints.split()), re.compile(bounded))


OWN_FORMS = (
    # Longer or newer than the pattern in detect-secrets 1.5.0
    _form("JWT", "eyJ", r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?(?:\.[\w-]+)*"),
    _form("GitHub", "github_pat_", r"github_pat_\w{22,255}"),
    _form("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _form("GitLab", "glpat- gldt- glrt- glcbt-", r"gl(?:pat|dt|rt|cbt)-[\w-]{20,}(?:\.[\w.]{9,})?"),
    _form("Slack", "xox xapp-", r"(?:xox[abceoprs]|xapp)(?:\.xox[bp])?-(?=[\w-]*\d)[\w-]{10,}"),
    _form("Stripe", "k_live_ k_test_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _form("Stripe", "whsec_", r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    _form("npm", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _form("PyPI", "pypi-AgE", r"pypi-AgE[\w-]{50,}"),
    _form("OpenAI", "sk-", r"sk-(?=[\w-]*\d)(?=[\w-]*[A-Za-z]{2})[\w-]{32,}"),
    # Not in detect-secrets 1.5.0
    _form("Anthropic", "sk-ant-", r"sk-ant-[\w-]{20,}"),
    _form("Hugging Face", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{34,}"),
    _form("Google", "AIza", r"AIza[\w-]{35}"),
    _form("Google", "GOCSPX-", r"GOCSPX-[\w-]{28}"),
    _form("Google", "ya29.", r"ya29\.[\w-]{20,}"),
    _form("Google", "1//0", r"1//0[\w-]{40,}"),
    _form("Groq", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    _form("xAI", "xai-", r"xai-[A-Za-z0-9]{60,}"),
    _form("Perplexity", "pplx-", r"pplx-[A-Za-z0-9]{32,}"),
    _form("Replicate", "r8_", r"r8_[A-Za-z0-9]{37}"),
    _form("LangSmith", "lsv2_", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    _form("Databricks", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _form("DigitalOcean", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _form("Docker", "dckr_", r"dckr_[po]at_[\w-]{27,}"),
    _form("Vault", "hvs. hvb.", r"hv[sb]\.[\w-]{24,}"),
    _form("Terraform", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"),
    _form("RubyGems", "rubygems_", r"rubygems_[a-f0-9]{48}"),
    _form("Linear", "lin_api_", r"lin_api_[A-Za-z0-9]{40}"),
    _form("Notion", "ntn_ secret_", r"(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})"),
    _form("Figma", "figd_", r"figd_[\w-]{40,}"),
    _form("Shopify", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _form("Supabase", "sbp_ sb_secret_", r"(?:sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,})"),
    _form("Postman", "PMAK-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    _form("New Relic", "NRAK-", r"NRAK-[A-Z0-9]{27}"),
    _form(
        "Grafana", "glsa_ glc_", r"(?:glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_[A-Za-z0-9+/]{32,}=*)"
    ),
    _form("Sentry", "sntry", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    _form("Atlassian", "ATATT3 ATBB", r"(?:ATATT3[\w=-]{100,}|ATBB[A-Za-z0-9]{32})"),
    _form("Doppler", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}"),
    _form("age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _form("Mailgun", "key-", r"key-[a-f0-9]{32}"),
    _form("Discord", "discord", r"https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{60,}"),
)
