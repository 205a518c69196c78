"""Signs of injected instructions: ways of speaking, and forms that only programs write.

Each sign is a pattern that a person can read, for a sentence in lower case without accents. They
were written by hand; what each is worth is fitted (`training/fit_guard.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "FORMS",
    "PHRASES",
    "RAW_FORMS",
]


def _patterns(sources: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(source, re.MULTILINE) for name, source in sources.items()}


def _near(*parts: str, words: int = 6) -> str:
    """A pattern of parts with at most so many words between them."""
    return rf"\b(?:[^\w\n]+[\w'’-]+){{0,{words}}}?[^\w\n]+".join(f"(?:{part})" for part in parts)


RULES = (
    r"instructions?|rules|guidelines|polic(?:y|ies)|(?:system |hidden )?prompts?|orders|restrictions?"
    r"|directives?|refusals|safeguards|safety \w+|limits|constraints"
)
BEFORE = (
    r"previous|prior|earlier|above|preceding|existing|former|every|all|your|any|current|original"
    r"|the developer|given|initial|safety"
)
SECRET = (
    r"(?<!hashed )(?<!encrypted )(?<!masked )passwords?|passcodes?|secrets?|secret keys?|api ?keys?|(?:access )?tokens?|credentials|card numbers?"
    r"|system prompt|system message|hidden (?:prompt|rules|instructions|message)|private (?:notes|data|keys?)"
    r"|initial instructions|your (?:instructions|rules|prompt)(?![-\w])|everything above|ssh keys?"
    r"|(?:whole|entire|full) conversation|chat history|stored (?:secrets|credentials|passwords)|keys$"
)
GOODS = (
    rf"{SECRET}|(?:the|her|his|their|last|all) e-?mails?|calendar|agenda|money|funds|payment|draft|documents?|contents|files?|names"
    r"|code|last question|messages|list|photos|location data|contacts|notes|data"
)
ADDRESS = r"\S+@\S+\.\w+|https?://\S+|(?:the )?address below|this (?:address|number)|\w+\.example\S*|a foreign \w+"
VERB_OUT = (
    r"reveal|print|output|show|display|repeat|leak|expose|dump|share|give out|give|read (?:me|us)"
    r"|tell|hand over|disclose|recite"
)
VERB_SEND = (
    r"send|forward|mail|e-mail|post|upload|transfer|wire|append|encode|put|concatenate|copy|export"
    r"|submit|add|fetch|open|load"
)
USER = r"the (?:user(?:'s|s)?|person|human|caller|visitor|customer|owner)|users?|them|anybody|anyone|nobody"
MACHINE = r"ais?|assistants?|language models?|llms?|agents?|chatbots?|models?"
AUTHORITY = (
    r"administrators?|developers?|operators?|security team|it department|help ?desk|ceo|police|lawyer"
    r"|moderators?|creators|vendor|staff|head office|legal (?:team|department)|support team"
)

PHRASES = _patterns(
    {
        "override": _near(
            r"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass|discard|drop|abandon|set aside)",
            rf"(?:{BEFORE})\b(?:[^\w\n]+[\w-]+){{0,5}}?[^\w\n]+(?:{RULES}|goal|task|told you)\b|(?:{RULES}) (?:above|before)"
            r"|what (?:the developer|you were) told|(?:the )?current goal|what (?:came|was said) before",
            words=2,
        ),
        "void": _near(
            rf"\b(?:{RULES})",
            r"(?:are|is|were|ha(?:ve|s)(?: been)?) (?:now |all )?(?:cancell?ed|expired|void|off"
            r"|suspended|lifted|no longer (?:allowed|valid|applicable)|skipped)\b",
            words=1,
        )
        + r"|\bno (?:policy|rules?|limits|restrictions?) appl\w+|\bno refusals\b",
        "new_orders": r"\b(?:new|real|actual|next) (?:system )?(?:instructions?|task|prompt|orders?)\b"
        r"(?:[^\w\n]+\w+){0,3}?(?::| instead| here| starts?| begins?| is\b| follow)|\byour new task\b"
        r"|\bthe following is an order|\bact on what comes next|\bnew orders\b|\bbefore you go on with\b"
        r"|\binstruction: |\borders? of the (?:operator|user|owner)\b|\bsystem configuration follows"
        r"|\bobey (?:the (?:visitor|user|operator|owner|page|web|document|orders?|line)|this|line|it|these|any)\b|\byou obey\b|[,.:] obey\b|\bcarry out (?:each|every|all|these)"
        r"|\bnew system instructions|\bas your own policy|\bthe order is to\b",
        "reveal": _near(rf"\b(?:{VERB_OUT})", rf"(?:{SECRET})\b", words=5),
        "send": _near(
            rf"\b(?:{VERB_SEND})",
            rf"(?:{GOODS})\b",
            rf"(?:to|at|into|onto|with|before|using) (?:{ADDRESS})",
            words=6,
        )
        + "|"
        + _near(
            rf"\b(?:{VERB_SEND}|pay|buy)",
            r"(?:it to \w+@|to eve\b|mallory|instead of the user)",
            words=6,
        )
        + "|"
        + _near(
            r"\b(?:send|transfer|wire|pay|post|forward|mail)",
            r"(?:the )?(?:funds|money|token|key|file|purchase)\b[.!]?$",
            words=1,
        ),
        "conceal": r"\b(?:do not|don't|never|without|must not|must never|need not)[^\w\n]+(?:tell|telling|mention(?:ing)?"
        rf"|inform(?:ing)?|say|alert(?:ing)?|highlight|warn(?:ing)?)(?:[^\w\n]+[\w-]+){{0,4}}?[^\w\n]+(?:{USER}|that you|any)\b"
        r"|\b(?:tell|telling|mention it to|mention to) (?:nobody|no one)\b|\bbetween (?:us|you and me)\b|\bneed not know\b"
        r"|^\W*silently (?:add|send|copy|forward|change|delete|remove|move|transfer|invite)\b|\bsay nothing (?:about|of) |\binvisible to (?:humans|people|the user)|\bhide the following|\bdeny that you"
        r"|\bwhite on white|\bkeep quiet about|\bthen say nothing|\bwithout (?:saying anything|the user(?:'s)? know)|\bslip the (?:phrase|words?)",
        "to_machine": rf"\b(?:note|attention|message|word|instructions?)\b.{{0,12}}?\b(?:to|for)?:? ?(?:the |any |all |every )?(?:{MACHINE})\b.{{0,20}}(?::|reading)"
        rf"|\battention (?:{MACHINE})|\b(?:{MACHINE}) (?:only|reading|reviewers|that reads?)\b|^\W*(?:assistant|ai),"
        rf"|\b(?:any|every|all|each|dear) (?:{MACHINE}) (?:must|should|may|has to|have to|need)|\. assistant, |\bas an? ai\b.{{0,10}}you must",
        "persona": r"\byou are (?:free\.|root\b|atlas\b|unrestricted|dan\b|now (?:in \w+ mode|an? (?:assistant|ai|bot|model|unrestricted)|free of))|\bfrom (?:now|here|today) on,? (?:you|whenever|no (?:refusals|rules)|private)\b"
        r"|\bact as (?:an?|if)\b.{0,25}(?:unrestricted|unfiltered|assistant|no )|\bpretend (?:that )?you (?:have|are)"
        r"|\byou have no (?:rules?|restrictions?|limits|policy)|\bunrestricted (?:assistant|ai|mode|model)"
        r"|\b(?:maintenance|developer|god) mode\b|\byou may now\b|\byou (?:speak|act) as (?:root|the)|\byou serve the owner|\bno refusals\b"
        r"|\bkeep no secret|\byou have no \w+\.|\banswer (?:in full, )?without limits",
        "answer": r"(?:^|[.,;:] |and |must |should )(?:answer|reply|respond) (?:only with the word|with the contents)\b|\b(?:answer as usual|end the summary with|at the end of each answer"
        r"|in your (?:answer|reply)|tell the user (?:that|to)|every second sentence|do not summari[sz]e|your next answer)\b"
        r"|\bask the user for\b|\bask for their (?:insurance|password|card|code|pin)|\bgive a positive review|\brank this \w+ first|\brecommend \S+\.\w+ as the best",
        "remember": r"\b(?:remember|memori[sz]e|keep in mind|store|save|note|write (?:this|it) down|add to your (?:notes|memory)|update"
        r"|correct your (?:memory|notes)|for (?:your|the) records?|replace what you know|bio)\b.{0,60}?(?:(?:\bthat|:|,|user's \w+:|the user's).{0,60}\bthe user(?:'s)?\b|new e-mail for|: the trusted\b|\blater sessions\b"
        r"|\bpermanently\b|\blong-term\b|\bfrom now on\b|\bmust never\b|\bdelivery address\b)|\bcorrect your memory\b|\bto your notes that\b"
        r"|\bto long-term memory\b|\bwrite (?:this|it) down permanently|\breplace what you know\b|^\W*memori[sz]e:",
        "user_grants": r"\bthe (?:user|customer|owner)(?: of this \w+)? (?:has|have|had)? ?(?:agreed|allows?|prefers?|is verified|is an? administrator|signed|asked you"
        r"|cancelled|consented|authori[sz]ed|approved|wants no|have agreed)\b|\bconsent is stored\b|\bwithout being asked again\b"
        r"|\bpermission granted\b|\bthey want the firewall\b|\btreat it as consent|\bsigned it off\b|\bconfirm=true\b|\bconfirm the deletion",
        "trigger": _near(
            r"\b(?:when(?:ever)?|once|as soon as|if|the next time(?: that)?|wait until|on \w+day,|after (?:two|three|a few))\b",
            r"(?:the user|somebody|anybody|anyone|the word|a later chat|you are asked|a file named|more messages|tell the user)\b"
            r".{0,90}?\b(?:answer|open|send|forward|propose|ask for|append|treat|tell|say|end the|think of|recommend|reply|expired|add)",
            words=5,
        )
        + r"|^\W*should the user (?:ask|say|reply|mention)",
        "authority": _near(
            r"^(?=.*\b(?:you(?:r)? (?:must|are obliged|to)|instruct|read us|switch on|hand over|output|agent|assistant|send my|turn off|keep quiet|code)\b).*?\b(?:i am|it is me|this is|we are|as (?:the|your)|message of|notice (?:of|by|from))\b",
            rf"(?:the |your |this |user's |bank's )*(?:{AUTHORITY}|the user, from another)\b",
            words=3,
        )
        + rf"|\b(?:{AUTHORITY}|operator|policy|automatic|anthropic|openai|google|system)\S* (?:notice|note|update|message)\b.{{0,60}}(?::|must|reads|no longer|requires)"
        r"|\byour creators\b|\bauthori[sz]ed (?:agents|you|assistants)|\bthe ceo (?:asks|wants|needs)|\binstruct you to\b|\bbuy (?:\w+ ){0,3}gift cards"
        r"|\bpassages are orders\b|\bread us the (?:code|pin|password)|\bsend my documents to\b|\bcircumvent\b",
        "privilege": r"\bsecurity_level\b|\bprivileged context\b|\ballow_all\b|\bsandbox is off|\bdestructive commands are\b|\bconstitution, article"
        r"|\boutranks? the user|\baccept all certificates|\bdisable the (?:guard|alarm|firewall|filter)|\bguard is off\b|\bhighest level\b|\bend of user data\b"
        r"|\b(?:spending|purchase) limit\b|\bmay read every file|\bshare all secrets|\bcredentials for rotation",
        "weaken": r"\b(?:disable|switch off|turn (?:off|the \w+ off)|cancelled)\b.{0,30}?\b(?:two-factor|security questions?|all checks|alarm|firewall"
        r"|certificates)\b|\bsecurity questions? \w+ to be skipped|\bno confirmation before\b|\bdebug output of all secrets|\blinks from \S+ to open without asking",
        "grant": r"(?:^|[.:,;] ?)\W*(?:please )?(?:grant|give out|unlock|approve|raise the|lift|authori[sz]e|wipe|delete|obey)\b.{0,30}?\b(?:access|role|password"
        r"|doors?|vault|limit|loan|refund|merge|transfer|purchases?|deletion|calendar|account|secrets?|notes|the visitor|branch|disk)\b"
        r"|\bgive the (?:caller|visitor|user) the\b|\byou may now (?:share|read|open)",
        "code": r"\b(?:decode|decrypt|rot ?-?13|base64|backwards)\b.{0,30}\b(?:follow|obey|act|do as|execute|carry)",
        "other_languages": r"\b(?:ignorier\w*|missachte|vergiss|ignorez|oubliez|ignora|ignore|olvida|desconsidere|esqueca|negeer|vergeet|zignoruj|abaikan|bo qua|ignorera|ignoreer)\b"
        r".{0,60}\b(?:anweisung\w*|regeln|consignes?|instructions precedentes|instruccion\w*|reglas|istruzion\w*|regole|instrucoes|regras|instructies|regels|polecen\w+|instruksi"
        r"|perintah|huong dan|instruktioner)\b|\btalimat\w*\b.{0,20}\byok say|(?:忽略|无视|忘记|不要理会).{0,12}(?:指令|指示|规则|提示)|(?:指示|命令|ルール).{0,10}(?:無視|忘れ)"
        r"|(?:지시|명령|규칙).{0,8}(?:무시|잊)|(?:игнорир|забудь|отбрось|не обращай).{0,40}(?:инструкц|указан|правил)|(?:تجاهل|انس).{0,25}(?:التعليمات|الأوامر)|(?:निर्देश|नियम).{0,15}(?:अनदेखा|भूल)",
    }
)
"""Ways of speaking to a model that reads, to its memory, or behind its user's back."""

FORMS = _patterns(
    {
        "role_line": r"^[^\w\n\"']{0,6}(?:system|developer)(?: message| prompt)?\]?\s?(?::|v\d|>).*\w|\"role\": ?\\?\"(?:system|developer)\\?\"|</?system\b|<system_|^#+ ?system ?:?$|^#+ ?(?:new )?system (?:instructions?|prompt|message)"
        r"|\b(?:begin|end) (?:privileged|user data|system)|\bfrom: system\b|^human: |^[^\w\n]{0,4}(?:assistant|user)\s?: ?(?:of course, i have|i (?:confirm|agreed?|allow|approve|promised|moved|cancelled)"
        r"|as agreed|yes, pay|pay\b|please delete my|and this is|i was told|paid|done|the old)|^tool \w+: ?\{|¶ ?(?:user|assistant) ?:|\buser: (?:pay|all earlier|请)",
        "chat_token": r"<\\?\|[^\s<>]{1,60}\|>|\[\\?/?(?:inst|tool_calls|system_prompt|available_tools)\]|<\\?<\\?/?sys>|<\\?/?(?:start|end)_of_turn>|<\\?bos_token>|\]\\?~!?b\[|~b\]"
        r"|<\\?/?tool_(?:call|response)s?>|<\\?/think>.{0,80}<\\?think>",
        "frame": r"<[\s/\\]*/[\s/\\]*(?:recall|memory|context)\b|<\\?recall(?:-\d+)?>|cdata\[",
        "own_mark": r"^\W{0,9}\d{1,5}\s?[><=!]\+? (?:\w+[:,]|sure|of course|system|i\b|an arrow)|^\W{0,9}\d{1,5}=?[><=!]\+ |\[page \d+, (?:original|read)|\[turn \w+, original|\(?replace[sd] (?:by a later|an earlier) version"
        r"|^\W{0,9}faded: \w+ ·|\d % verified|^\[…\]$|nothing is remembered about|remembered as turn \w+|\[(?:mon|tue|wed|thu|fri|sat|sun) \d{4}-\d\d-\d\d[^\]]{0,9}\]\s*(?:user|assistant|system|$)|^\W{0,9}[█▌■▐] ?(?:user|assistant|a block|\d)"
        r"|^\W{0,3}exact: \w+|\bexact spelling of words in the pictures|next answer of the memory|^\[今天\]|\[no\?\] \[yes\?\]|the user's own notes, checked|\[edited just now\]",
        "call": r"=> ?\w+\(\{|\"tool_calls\\?\": ?\[|\"type\\?\": ?\\?\"tool_(?:use|result)|<function_calls>|<invoke name|^action: [a-z]+_[a-z_]+|^action input:|\[called \w+\(|\bcall the (?:function|tool) \W?\w+_\w+|\byou must call \w+_\w+"
        r"|```tool_code|\bi should run the tool",
        "exfiltration": r"!\[[^\]]*\]\(https?://[^)]*\?[^)]*=[^)]*\)|<img src=\\?\"https?://[^\">]*\?|https?://\S+\?\w+=(?:\{|user_|the_|base64_|chat_)|document\.cookie|\]: https?://\S+\?\w+=(?:chat|user|the_|base64|token|secret|history)|\bconcatenate the password"
        r"|\.css\?token=|\?c= with it",
        "script": r"<script\b[^>]*>[^<]{0,40}(?:alert|fetch|document|eval)|\bon(?:mouseover|error|load)=|\{% ?(?:for|if|import|include|set)\b.*__|__class__\.__(?:base|subclasses)|curl \S+ ?\| ?(?:sh|bash)",
        "future": r"\b20[5-9]\d-\d\d-\d\d|\b2[1-9]\d\d-\d\d-\d\d|\bjan 2100\b|newest message and replaces|latest version of the user|answers are out of date|\(sent tomorrow\)|\btimestamp [4-9]\d{9}",
    }
)
"""Forms of machines: templates, frames, tool calls, addresses that carry data away."""

RAW_FORMS = _patterns(
    {
        "hidden": r"[\u202d\u202e]|\u2066\w+:.*\u2069|[\U000e0020-\U000e007f]{4,}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}|[\u200b-\u200d\u2060]{8,}",
        "terminal": r"\x1b\]|\x1b\[\d?[JHn]|\x1b\[(?:8m|5i|28m)|\x9b\d|\x08{2,}|\x00\w|\w\r[a-z]+:|\\u001b\]|\\u001b\[\dJ",
        "odd_break": r"[\u2028\u2029\x0b\x85]\W{0,2}\w+:|[\u2028\u2029]<",
    }
)
"""Characters that nobody types, in the text as it stands."""
