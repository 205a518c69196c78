"""Ask a published checkpoint about pages: a description, a place, or several pages at once.

python examples/ask_a_page.py [FOLDER | deepseek-ai/DeepSeek-OCR]
"""

import sys

from optical_memory import Turn
from optical_memory.errors import CheckpointError
from optical_memory.readers.deepseek import DeepseekReader
from optical_memory.readers.registry import checkpoint_folder
from optical_memory.renderers import PageRenderer, PlacedTurn

MAX_ANSWER_TOKENS = 200
NAME = sys.argv[1] if len(sys.argv) > 1 else "deepseek-ai/DeepSeek-OCR"
TEXT = "The tram to the harbour leaves at 7:45. The gate is locked, the key is with Mel. "


def ask(reader: DeepseekReader) -> None:
    """Draw pages of `TEXT`, see them, and print the answers that the family was trained for."""
    rung = reader.profile.ladder[-1]
    renderer = PageRenderer(reader.profile.grid)
    pages = renderer.paginate([PlacedTurn(Turn("user", TEXT * 60), "id", 0)])[:2]
    tokens = reader.encode([renderer.draw(page, rung.side_px) for page in pages], rung)
    if "locate" in reader.family.prompts:
        print("described:", reader.ask(tokens[0], "describe", MAX_ANSWER_TOKENS).text)
        print("the harbour:", reader.locate(tokens[0], "harbour"))
    elif "pages" in reader.family.prompts:
        for reading in reader.decode_together(tokens, [page.layout for page in pages]):
            print("read beside others:", reading.text[:80])
    else:
        print("in Markdown:", reader.ask(tokens[0], "markdown", MAX_ANSWER_TOKENS).text)


try:
    checkpoint = DeepseekReader(checkpoint_folder(NAME))
except CheckpointError as error:
    print(f"Nothing is asked, because there is no checkpoint: {error}")
else:
    ask(checkpoint)
