"""Gemini's generateContent, of the Gemini API and of Vertex AI.

https://ai.google.dev/api/generate-content
"""

from channels_app.dialects.dialect import Dialect
from channels_app.dialects.gemini.answer_in import GeminiReader, read_answer
from channels_app.dialects.gemini.answer_out import write_answer
from channels_app.dialects.gemini.request_in import parse_request
from channels_app.dialects.gemini.request_out import render_request
from channels_app.dialects.gemini.stream_out import ArrayWriter, GeminiWriter, end_early

DIALECT = Dialect(
    "gemini",
    render_request,
    read_answer,
    GeminiReader,
    parse_request,
    write_answer,
    GeminiWriter,
    takes_media_urls=False,
    end_early=end_early,
)

__all__ = ["DIALECT", "ArrayWriter"]
