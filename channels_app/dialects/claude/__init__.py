"""Claude Messages, the dialect of Anthropic and of those who copied it for Claude Code.

https://docs.anthropic.com/en/api/messages
"""

from channels_app.dialects.claude.answer_in import ClaudeReader, read_answer
from channels_app.dialects.claude.answer_out import write_answer
from channels_app.dialects.claude.request_in import parse_request
from channels_app.dialects.claude.request_out import render_request
from channels_app.dialects.claude.stream_out import ClaudeWriter, end_early
from channels_app.dialects.dialect import Dialect

DIALECT = Dialect(
    "anthropic",
    render_request,
    read_answer,
    ClaudeReader,
    parse_request,
    write_answer,
    ClaudeWriter,
    end_early=end_early,
)
