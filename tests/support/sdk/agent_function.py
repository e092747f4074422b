"""The agent as the SDK's python adapter calls it: it hands the prompt that it gets to a model server over HTTP.

Plans and summaries are asked of the same server; the header `x-mode` marks them. Tools answer by themselves.
"""

import json
import os
import urllib.request
from typing import Any

URL = "ATLAS_TEST_MODEL_URL"
"""Environment variable with the address of the model server."""


def main(prompt: str, metadata: dict[str, Any] | None = None) -> Any:
    """What the model says to *prompt*: its text, or a message with calls of tools."""
    told = metadata or {}
    if "tool" in told:
        return f"result of {json.dumps(told['tool'], sort_keys=True, ensure_ascii=False)}"
    body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": prompt}]}).encode()
    headers = {"content-type": "application/json", "x-mode": str(told.get("mode", "execution"))}
    request = urllib.request.Request(os.environ[URL], data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        message: dict[str, Any] = json.load(answer)["choices"][0]["message"]
    return message if message.get("tool_calls") else message["content"]
