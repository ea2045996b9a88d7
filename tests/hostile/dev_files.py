"""Dev files that are hard to read, by name: what `tito.source` and jupytext must read alike."""

from __future__ import annotations

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""
GRADED = (
    '{"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, '
    '"points": 2, "grade_id": "name-test"}'
)

HOSTILE: dict[str, str] = {
    "empty": "",
    "one newline": "\n",
    "only blank lines": "\n\n\n\n",
    "only spaces": "   \n \n",
    "crlf": HEADER.replace("\n", "\r\n") + "# %%\r\nx = 1\r\n\r\n# %%\r\ny = 2\r\n",
    "lone cr": "# %%\rx = 1\r\r# %%\ry = 2\r",
    "mixed newlines": "# %%\r\nx = 1\n\r# %%\ry = 2\r\n\r\n",
    "bom": "\ufeff" + HEADER + "# %%\nx = 1\n",
    "bom without header": "\ufeff# %%\nx = 1\n",
    "tabs": "# %%\nif True:\n\tx = 1\n\t\n\n#\t%%\ny = 2\n",
    "marker in triple quotes": '# %%\nx = """\n# %%\n"""\n\n# %%\ny = 1\n',
    "marker in triple single quotes": "# %%\nx = '''\n# %% [markdown]\n'''\n\n# %%\ny = 1\n",
    "marker in a string of one line": '# %%\nx = "# %%"\ny = 2\n# %%\nz = 3\n',
    "marker in a raw string": '# %%\nx = r"""\n\\\n# %%\n\\"""\n# %%\ny = 1\n',
    "marker in an f-string": '# %%\nx = f"""{1}\n# %%\n{2}"""\n# %%\ny = 1\n',
    "escaped quotes": '# %%\nx = "\\""\ny = """\n\\"""\n# %%\n"""\n# %%\nz = 1\n',
    "double backslash before quote": '# %%\nx = "\\\\"\n# %%\ny = """\\\\"""\n# %%\nz = 1\n',
    "other quotes nested": "# %%\nx = '''\n\"\"\"\n# %%\n\"\"\"\n'''\n# %%\ny = \"'''\"\n# %%\nz = 1\n",
    "quote in a comment": "# %%\n# it's \"\"\" here\nx = 1  # don't '''\n# %%\ny = 1\n",
    "four quotes": '# %%\nx = """"quoted" text"""\n# %%\ny = """text\n""""""\n# %%\n"""\n# %%\n',
    "six quotes": "# %%\nx = \"\"\"\"\"\"\n# %%\ny = ''''''\n# %%\nz = 3\n",
    "hash in a string": '# %%\nx = \'#\' + """\n# %%\n""" + \'#\'\n# %%\ny = 1\n',
    "unclosed string at the end": '# %%\nx = 1\n\n# %%\ny = """\n# %%\nz = 1\n',
    "unclosed short string": "# %%\nx = 'abc\n# %%\ny = 1\n",
    "unclosed json": '# %% nbgrader={"grade": true, "points": 2\nx = 1\n\n# %%\ny = 1\n',
    "unclosed plain json": '# %% {"grade": true\nx = 1\n',
    "json without key": '# %% {"nbgrader": {"grade": true}, "tags": ["a", "b"]}\nx = 1\n',
    "braces and equals in json": '# %% nbgrader={"grade_id": "a = {b}", "x": "}={"} k={"=": "{"}\nx = 1\n',
    "json with spaces in strings": '# %% Name of it nbgrader={"a": "one  two =3"} other="x y"\nx\n',
    "nbgrader": f"# %% nbgrader={GRADED}\nx = 1\n",
    "nbgrader on markdown": f'# %% [markdown] nbgrader={GRADED}\n"""\nAn answer\n"""\n',
    "keys and values": '# %% a=1 b="two" c=[1, 2] d=null e=true f\nx = 1\n',
    "python values": "# %% a='one' b=(1, 2) c=None d=True\nx = 1\n",
    "flags": "# %% title of three .words .class key=1 flag other\nx = 1\n",
    "attributes": "# %% .hidden .wide\nx = 1\n",
    "half broken values": "# %% oops=what b=1\nx = 1\n\n# %% a=1 oops=what\ny\n\n# %% a b=\nz\n",
    "equals first": "# %% =1\nx = 1\n\n# %% = =\ny\n\n# %% 1=2 a@b/c-d.e=3\nz\n",
    "double dashes": "# %% a=1 --flag\nx = 1\n\n# %% --flag\ny\n",
    "five quotes and nothing else": '# %% [markdown]\n"""""\n',
    "dashes first": "# %% --k=1 flag\nx = 1\n",
    "keys twice": "# %% a=1 a\nx = 1\n\n# %% b b=2\ny\n\n# %% c=1 c=2\nz\n",
    "four quotes before a marker": 'x = """"\n# %%\n"""\n# %%\ny = 1\n',
    "set as metadata": "# %% Title {1 2}\nx = 1\n",
    "titles": "# %% A title\nx\n\n# %% [markdown] Title\n# text\n\n# %% Title [markdown]\n# text\n",
    "title with emoji": "# %% 🤔 Why? [markdown]\n# 🎯 text\n\n# %% ünïcode\nx = 'é🎉'\n",
    "markdown kinds": "# %% [markdown]\n# a\n\n# %% [md]\n# b\n\n# %% [raw]\n# c\n\n# %%[markdown]\n# d\n",
    "cell_type as metadata": '# %% {"cell_type": "markdown"}\n# a\n\n# %% cell_type="raw"\n# b\n',
    "bare markers": "#%%\nx = 1\n#%%\ny = 2\n\n#%% [markdown]\n#text\n# more\n",
    "depth": "# %%% Sub\nx = 1\n\n# %%%% [markdown] Deep\n# text\n\n# %%%\ny\n\n#%%%%\nz\n",
    "codecell": "# <codecell>\nx = 1\n\n# <codecell>\ny = 2\n#<codecell>\nz = 3\n",
    "numbered inputs": "# In[3]:\nx = 1\n\n# In[ ]:\ny = 2\n\n#In[10]\nz = 3\n\n# In[x]:\nw = 4\n",
    "not markers": "# %%x\nx = 1\n# % %\ny = 2\n## %%\nz = 3\n%% a\n",
    "trailing spaces on markers": "# %%   \nx = 1\n\n# %%\t\ny = 2\n\n   # %%\nz = 3\n",
    "indented markers": "# %%\nif True:\n    x = 1\n    # %% inner\n    y = 2\n\t# %%\nz = 3\n",
    "no header": "# %%\nx = 1\n",
    "no marker at all": "import math\n\nx = 1\n\n\ny = 2\n",
    "text before the first marker": "# A comment.\n\nimport math\n\n\n# %%\nx = 1\n",
    "header alone": HEADER,
    "header without blank line": HEADER.rstrip("\n") + "\n# %%\nx = 1\n",
    "header with three blank lines": HEADER + "\n\n\n# %%\nx = 1\n",
    "header with other keys": "# ---\n# title: A\n# jupyter:\n#   kernelspec:\n#     display_name: P\n#     name: python3\n"
    "# author: B\n# ---\n\n# %%\nx = 1\n",
    "header of other keys only": "# ---\n# title: A\n# ---\n# %%\nx = 1\n",
    "header never closed": "# ---\n# title: A\n\n# %%\nx = 1\n",
    "header without spaces": "#---\n#jupyter:\n#  kernelspec:\n#    display_name: P\n#    name: python3\n#---\n#%%\nx = 1\n",
    "header below blank comments": "#\n# ---\n# title: A\n# ---\n# %%\nx = 1\n",
    "empty header": "# ---\n# ---\n\n# %%\nx = 1\n",
    "shebang": "#!/usr/bin/env python3\n" + HEADER + "# %%\nx = 1\n",
    "shebang and encoding": "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# %%\nx = 1\n",
    "encoding": "# -*- coding: utf-8 -*-\n" + HEADER + "# %%\nx = 1\n",
    "encoding on both lines": "# coding: utf-8\n# coding: utf-8\nx = 1\n",
    "empty cells": "# %%\n\n# %%\n# %% [markdown]\n# %%\n\n\n# %%\n\n\n\n# %% [markdown]\n\n",
    "empty cells at the end": "# %%\nx = 1\n\n# %%\n",
    "spaces before markers": "# %%\nx = 1\n   \n# %%\ny = 2\n \n\n# %%\nz = 3\n\n  \n# %%\n",
    "two blank lines": "# %%\ndef f():\n    pass\n\n\n# %%\nx = 1\n\n\n\n# %%\ny = 2\n\n\n",
    "no newline at the end": "# %%\nx = 1",
    "blank lines in front": "\n\n# %%\nx = 1\n",
    "comment markdown": "# %% [markdown]\n# # Title\n#\n# Text\n#more\n\n# last\n\n# %%\nx = 1\n",
    "comment markdown with indents": "# %% [markdown]\n#     code\n#   - item\n  # indented\nplain\n",
    "fence in comments": "# %% [markdown]\n# ```mermaid\n# %% a comment\n# ```\n# end\n\n# %%\nx = 1\n",
    "tilde fence in comments": "# %% [markdown]\n# ~~~~ text\n# %%\n# ~~~\n# %%\n# ~~~~\n# %%\nx = 1\n",
    "fence never closed": "# %% [markdown]\n# ```\n# %%\nx = 1\n",
    "fence closed in a later cell": "# %% [markdown]\n# ```\n# %%\nx = 1\n# %% [markdown]\n# ```\n# %%\ny\n",
    "fence with backtick in its name": "# %% [markdown]\n# ```a`b\n# %%\n# ```\n# %%\nx = 1\n",
    "fence in raw": "# %% [raw]\n# ```\n# %%\n# ```\n# %%\nx\n",
    "fence in code": "# %%\n# ```\n# %%\n# ```\nx\n",
    "fence in a string": '# %% [markdown]\n"""\n```\n# %%\n```\n"""\n\n# %%\nx = 1\n',
    "raw markdown": '# %% [markdown]\nr"""\n$\\alpha$ \\" \n"""\n\n# %%\nx\n\n# %% [md]\nR\'\'\'a\\b\'\'\'\n',
    "markdown on one line": "# %% [markdown]\n\"\"\"text\"\"\"\n\n# %% [markdown]\n'''text'''\n",
    "markdown string after blanks": '# %% [markdown]\n\n\n"""\ntext\n"""\n\n\n\n# %%\nx\n',
    "markdown with a quote at its end": '# %% [markdown]\n"""\nsay \\"""hi\\"""\n"""\n\n# %%\nx\n',
    "markdown string with trailing blanks": '# %% [markdown]\n"""\ntext\n\n\n"""\n\n# %%\nx\n',
    "empty markdown strings": '# %% [markdown]\n""""""\n\n# %% [markdown]\n"""\n"""\n\n# %% [markdown]\n"""\n\n"""\n',
    "five quotes as markdown": '# %% [markdown]\n"""""\n\n# %% [markdown]\n""" """\n',
    "two strings as markdown": '# %% [markdown]\n"""a"""\n"""b"""\n\n# %%\nx\n',
    "unclosed markdown string": '# %% [markdown]\n"""\ntext\n\n# %%\nx = 1\n',
    "f-string as markdown": '# %% [markdown]\nf"""\ntext\n"""\n',
    "escaped plus": "# %%\n# + a\n# # + b\n# # # + c\n#+ d\n##+ e\n#  + f\nx = '''\n# # +\n'''\n# # +\n",
    "directives": "# %%\n\n#| export\n#|exporti\n # | hide\nx = 1\n#| export\n",
    "magics": "# %%\n%matplotlib inline\n!pip install x\n# %pip install y\n%%time\nx = !ls\n?x\n",
    "long lines": "# %% " + "word " * 400 + '\nx = "' + "y" * 200_000 + '"\n\n# %%\nz = 1\n',
    "many cells": "".join(f"# %% {i}\nx = {i}\n\n" for i in range(300)),
    "null bytes": "# %%\nx = '\0'\n\n# %%\ny = 1\n",
    "combining and wide": "# %% [markdown]\n# e\u0301 \u200b \u00a0 日本語 \u202e\n\n# %%\nx = '\u00a0'\n\u00a0\n# %%\n",
}
