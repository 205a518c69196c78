"""Tables in CSV or TSV, and pages of HTML."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.exports.trees import chatgpt_export
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, chat_table, load, load_file, takeout_page
from optical_memory.loaders.exports.markup import html_text
from optical_memory.turns import Attachment


def lines(conversation: Conversation) -> list[tuple[str, str | None, str]]:
    return [(turn.role, turn.name, turn.text) for turn in conversation.turns]


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_of_roles_is_a_conversation(delimiter: str, tmp_path: Path):
    path = tmp_path / "talk.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "role", "content", "created_at"])
        writer.writerow(["m1", "Human", 'so; or, "so"|\tno', "1744000000"])
    loaded = load_file(path)
    assert loaded.format == "table"
    turn = single(list(loaded.conversations)).turns[0]
    assert (turn.role, turn.text) == ("user", 'so; or, "so"|\tno')
    assert str(turn.id).endswith("/m1")
    assert turn.when == datetime.fromtimestamp(1744000000, UTC)


def test_quoted_commas_quotes_and_line_breaks_stay_in_their_cell():
    text = (
        'role,content,time\nuser,"first line\nsecond, ""quoted""",2025-01-02T03:04:05Z\nai,yes,\n'
    )
    conversation = single(chat_table(text))
    assert lines(conversation) == [
        ("user", None, 'first line\nsecond, "quoted"'),
        ("assistant", None, "yes"),
    ]
    assert conversation.turns[0].when == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_people_in_a_table_have_the_roles_of_a_chat():
    two = single(chat_table("Sender;Message\nUma;Hello\nVik;Hi\nUma;Bye\n"))
    assert [turn.role for turn in two.turns] == ["user", "assistant", "user"]
    three = single(chat_table("from\ttext\nUma\tHello\nVik\tHi\nWim\tHey\n"))
    assert lines(three)[2] == ("user", "Wim", "Hey")


def test_an_unknown_role_gains_no_authority():
    roles = single(chat_table("role,content\nuser,Hi\ngrader,Four of five\n"))
    assert lines(roles)[1] == ("tool", "grader", "Four of five")
    people = single(chat_table("sender,content\nassistant,Hi\nUma,Hello\n"))
    assert lines(people)[1] == ("user", "Uma", "Hello")


def test_a_role_and_a_name_may_stand_in_two_columns():
    conversation = single(chat_table("role,name,content\nuser,Uma,Hi\nassistant,,Hello\n"))
    assert lines(conversation) == [("user", "Uma", "Hi"), ("assistant", None, "Hello")]


def test_a_column_of_conversations_divides_a_table():
    text = "conversation_id,role,text\na,user,one\nb,user,two\na,assistant,three\n"
    conversations = chat_table(text)
    assert [item.id for item in conversations] == ["a", "b"]
    assert [turn.text for turn in conversations[0].turns] == ["one", "three"]


def test_a_channel_of_discord_as_a_table(tmp_path: Path):
    text = (
        "AuthorID,Author,Date,Content,Attachments,Reactions\n"
        '"1","uma","2025-05-04T18:01:00.0000000+02:00","Look",https://cdn.example/a.png?ex=1,""\n'
        '"2","vik","2025-05-04T18:02:00.0000000+02:00","Nice","",""\n'
    )
    conversation = single(load(write_file(tmp_path / "channel.csv", text)))
    assert lines(conversation) == [("user", "uma", "Look"), ("assistant", "vik", "Nice")]
    picture = Attachment("image", "https://cdn.example/a.png?ex=1")
    assert conversation.turns[0].attachments == (picture,)


def test_a_table_with_the_newest_row_first_is_turned_around():
    text = (
        "Conversation,Time,Author,Message\n"
        "Trip,2025-03-02T10:00:09,AI,Take the ferry.\n"
        "Trip,2025-03-02T10:00:00,Human,How do I get there?\n"
    )
    conversation = single(chat_table(text))
    assert conversation.id == "Trip"
    assert lines(conversation)[0] == ("user", None, "How do I get there?")


def test_a_bad_row_is_passed_over_with_its_words():
    conversation = single(chat_table("role,content\nuser,hi\nuser,too,many\n\nassistant,yo\n"))
    assert [turn.text for turn in conversation.turns] == ["hi", "yo"]
    (row,) = conversation.left_out
    assert (row.place, row.text) == ("conversation:3", "user,too,many")


def test_a_time_that_cannot_be_read_is_told():
    conversation = single(chat_table("role,content,date\nuser,hi,one fine Thursday\n"))
    assert conversation.turns[0].when is None
    assert [item.text for item in conversation.left_out] == ["one fine Thursday"]


def test_days_of_a_table_are_read_in_one_order():
    rows = "role,content,date\nuser,a,3/4/2024\nuser,b,13/4/2024\n"
    conversation = single(chat_table(rows))
    assert [turn.when for turn in conversation.turns] == [
        datetime(2024, 4, 3),
        datetime(2024, 4, 13),
    ]
    assert not conversation.left_out


def test_an_order_of_day_and_month_is_told_if_it_is_a_guess_and_may_be_given():
    table = "role,content,date\nuser,a,3/4/2024\n"
    guess = single(chat_table(table))
    assert guess.turns[0].when == datetime(2024, 4, 3)
    (doubt,) = guess.left_out
    assert "cannot be told apart" in doubt.reason
    by_hand = single(chat_table(table, day_first=False))
    assert by_hand.turns[0].when == datetime(2024, 3, 4)
    assert not by_hand.left_out


def test_dates_that_contradict_each_other_are_told_with_their_words():
    rows = "role,content,date\nuser,a,3/4/2024\nuser,b,13/4/2024\nuser,c,4/13/2024\n"
    conversation = single(chat_table(rows))
    assert conversation.turns[0].when is None
    (doubt,) = conversation.left_out
    assert (doubt.place, doubt.text) == ("conversation:2", "3/4/2024")
    assert "contradict" in doubt.reason


def test_a_cell_may_be_longer_than_the_csv_modules_limit():
    limit = csv.field_size_limit()
    text = "word " * 40_000
    assert single(chat_table(f"role,content\nuser,{text}\n")).turns[0].text == text
    assert csv.field_size_limit() == limit


def test_a_table_of_unknown_columns_is_refused_with_the_columns_to_name(tmp_path: Path):
    text = "who,what\numa,hello there\nvik,hi\n"
    with pytest.raises(InputError, match=r"talk:1: .*rename the columns in the first row"):
        load(write_file(tmp_path / "talk.csv", text))


@pytest.mark.parametrize(
    "text",
    [
        "Uma: hello, Vik\nVik: hello, Uma\nUma: well, well\n",
        "Well, that was it\nNow, another line\nThen, a third\n",
        "[12:01] <uma> a,b\n[12:02] <vik> c,d\n[12:03] <uma> e,f\n",
        "just words\n",
        "<div align=center>\n\n# A log\n\n</div>\n\nUma said hello.\n",
    ],
)
def test_a_log_with_commas_is_no_table(text: str, tmp_path: Path):
    assert load_file(write_file(tmp_path / "talk.txt", text)).format in ("text log", "IRC log")


def test_a_first_row_that_does_not_end_is_refused():
    with pytest.raises(InputError, match="columns cannot be told"):
        chat_table('role,"content\nuser,hi\n')


def test_a_table_without_texts_is_refused():
    with pytest.raises(InputError, match="no messages in it"):
        chat_table("role,content\n")


# Pages


def test_chat_html_of_chatgpt_is_read_from_its_script(tmp_path: Path):
    data = json.dumps(chatgpt_export())
    page = f"<html><head><script>\nvar jsonData = {data};\nvar assetsJson = {{}};</script></head>"
    conversations = load(write_file(tmp_path / "chat.html", page + "<body></body></html>"))
    assert single(conversations).turns[-1].text == "After petal fall."


def activity(body: str) -> str:
    return (
        '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
        '<div class="header-cell mdl-cell"><p class="mdl-typography--title">Gemini Apps<br></p>'
        '</div><div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1">'
        f"{body}</div>"
        '<div class="content-cell mdl-cell mdl-typography--body-1 mdl-typography--text-right">'
        '</div><div class="content-cell mdl-cell mdl-typography--caption"><b>Products:</b><br>'
        "&emsp;Gemini Apps<br></div></div></div>"
    )


def test_the_page_of_a_takeout_is_read_the_oldest_first(tmp_path: Path):
    answer = "<p>Yes:</p><div><table><tr><td>rye</td><td>2025, at 10:00</td></tr></table></div>"
    cells = [
        activity(
            "Prompted&nbsp;is this bread<br>Attached 1 file.<br>-&nbsp;<a href='x'>loaf.jpg</a><br>"
            f"Jun 3, 2025, 8:00:09\u202fPM GMT+02:00<br>{answer}"
        ),
        activity("Used Gemini Apps<br>Jun 2, 2025, 8:00:00 AM UTC<br>"),
        activity("Prompted how to bake<br>Jun 1, 2025, 8:00:00 AM UTC<br><p>Slowly.</p>"),
    ]
    page = f"<html><body><div class='mdl-grid'>{''.join(cells)}</div></body></html>"
    file = load_file(write_file(tmp_path / "MyActivity.html", page))
    assert file.format == "Gemini in Google Takeout"
    conversation = single(list(file.conversations))
    assert lines(conversation) == [
        ("user", None, "how to bake"),
        ("assistant", None, "Slowly."),
        ("user", None, "is this bread"),
        ("assistant", None, "Yes:\n\nrye | 2025, at 10:00"),
    ]
    assert conversation.turns[0].when == datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert conversation.turns[2].when == datetime(2025, 6, 3, 18, 0, 9, tzinfo=UTC)
    assert conversation.turns[2].attachments == (Attachment("image", "loaf.jpg"),)
    assert any("Used Gemini Apps" in item.text for item in file.left_out)


def test_a_zone_that_may_be_several_is_passed_over():
    body = "Prompted how to bake<br>Jun 1, 2025, 8:00:00 AM CST<br><p>Slowly.</p>"
    assert single(takeout_page(activity(body))).turns[0].when == datetime(2025, 6, 1, 8)


@pytest.mark.parametrize(
    ("page", "way_out"),
    [
        ("<!DOCTYPE html>\n<html><body><p>hi</p></body></html>", "conversations.json of ChatGPT"),
        ('<html><div class="outer-cell mdl-cell">Prompted x</div></html>', "MyActivity.json"),
        ('<html><div class="chatlog__message">x</div></html>', "DiscordChatExporter as JSON"),
        ('<!-- saved --><html><div class="from_name">Uma</div></html>', "Telegram again as JSON"),
        ("<html><script>var jsonData = [{half</script></html>", "conversations.json of ChatGPT"),
        (f"<html><script>var jsonData = [{'9' * 5_000}]</script></html>", "conversations.json"),
        ('<div class="user">hi</div>\n<div class="ai">yo</div>\n', "conversations.json of ChatGPT"),
    ],
)
def test_a_page_is_refused_with_the_file_to_take(page: str, way_out: str, tmp_path: Path):
    with pytest.raises(InputError, match=f"page of HTML.*{way_out}"):
        load(write_file(tmp_path / "page.html", page))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<ul><li><p>a</p></li><li>b</li></ul>", "- a\n\n- b"),
        ("<pre><code>if x:\n    y</code></pre>", "if x:\n    y"),
        ("a\n   b &lt;c&gt; &amp; d", "a b <c> & d"),
        ('see <a href="https://x.example">here</a>', "see here (https://x.example)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ("<table><tr><th>A<th>B</tr><tr><td>1</td><td>2</td></tr></table>", "A | B\n1 | 2"),
        ("<style>p {}</style><script>x()</script>y", "y"),
        ('<img alt="a boat" src="b.png">', "a boat"),
        ("</div></pre>broken <b>tags", "broken tags"),
        ("", ""),
    ],
)
def test_html_becomes_text(html: str, text: str):
    assert html_text(html) == text
