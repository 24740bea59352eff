"""Markdown and HTML in a form that the office reads right from another folder."""

import base64
import html
import mimetypes
import os
import re
import subprocess
import urllib.parse

import pictures
from failure import Failure

_EXTENSIONS = ["table", "strikethrough", "autolink", "tasklist"]
# Not what has a scheme, or is a part of the page itself.
_PICTURE = re.compile(
    r"""(?P<before><img\b[^>]*?\bsrc\s*=\s*)(?P<quote>["']?)(?![a-z][a-z0-9+.-]*:|//|\#)(?P<address>[^"'>\s]+)(?P=quote)""",
    re.IGNORECASE,
)
# Up to the end of the tag.
_SIZED = re.compile(r"[^>]*?\b(?:width|height)\b", re.IGNORECASE)
_MAX_PICTURE_BYTES = 32 * 1024**2

_STYLE = """
body { font-family: "Carlito", sans-serif; font-size: 11pt }
pre, code { font-family: "Liberation Mono", monospace; font-size: 9.5pt }
pre { background-color: #f3f3f3; padding: 6pt }
blockquote { margin-left: 1cm; color: #555555 }
"""


def to_html(text, path):
    """A whole page of a Markdown text (CommonMark with GitHub's additions) that lies at `path`."""
    flags = [part for name in _EXTENSIONS for part in ("-e", name)]
    done = subprocess.run(
        ["cmark-gfm", *flags, "--unsafe", "--to", "html"],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure("DOCUMENT_BROKEN", f"cmark-gfm cannot read the document (exit code {done.returncode}).")
    title = html.escape(os.path.splitext(os.path.basename(path))[0])
    # The office takes the lines of tables from attributes, not from styles.
    page = done.stdout.decode().replace("<table>", '<table border="1" cellspacing="0" cellpadding="4">')
    body = _made_whole(page, path)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def with_charset(text, path):
    """An HTML page that says that it is UTF-8, which is what the copy will be in."""
    text = re.sub(r"<meta[^>]+charset[^>]*>", "", text, flags=re.IGNORECASE)
    meta = '<meta charset="utf-8">'
    head = re.search(r"<head[^>]*>", text, flags=re.IGNORECASE)
    at = head.end() if head else 0
    return _made_whole(text[:at] + meta + text[at:], path)


def _made_whole(text, path):
    """
    Makes a page whole, and readable for the office, which does not see where <del> ends.

    Pictures that lie beside the source become part of the page: the office would keep only where they lie, and a
    document that is taken elsewhere would lack them. What is no file, or too large, is left as it is. Those that are
    wider or higher than a page, which would cut them off, get a size that fits, unless they have one.
    """
    folder = os.path.dirname(path)

    def embedded(match):
        address = urllib.parse.unquote(html.unescape(match["address"]))
        name = os.path.join(folder, address)
        kind = mimetypes.guess_type(name)[0] or ""
        if not kind.startswith("image/") or not os.path.isfile(name) or os.path.getsize(name) > _MAX_PICTURE_BYTES:
            return match[0]
        with open(name, "rb") as file:
            content = file.read()
        picture = f"{match['before']}\"data:{kind};base64,{base64.b64encode(content).decode()}\""
        size = pictures.fitted(content)
        if size is None or _SIZED.match(match["before"]) or _SIZED.match(match.string, match.end()):
            return picture
        return f'{picture} width="{size[0]}" height="{size[1]}"'

    return _PICTURE.sub(embedded, re.sub(r"<(/?)del\b", r"<\1s", text, flags=re.IGNORECASE))
