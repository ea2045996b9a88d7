"""Dev files with one planted fault each, and where the export has to find it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


def graded(name: str, *, solution: bool = False) -> str:
    """A cell marker with nbgrader's metadata."""
    flag = "true" if solution else "false"
    rest = '"grade": false, "locked": false, "task": false'
    return (
        f'# %% nbgrader={{"schema_version": 3, "solution": {flag}, {rest}, "grade_id": "{name}"}}'
    )


START = f"""\
{graded("start")}
#| default_exp core.small
#| export
import math

"""
SOLUTION = f"""\
{graded("solved", solution=True)}
#| export
def solved(x):
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION


class Solved:
    def method(self):
        ### BEGIN SOLUTION
        return 1
        ### END SOLUTION

"""
GOOD = START + SOLUTION


@dataclass(frozen=True)
class Fault:
    """A dev file and the place of its fault: the line that holds `at`."""

    rule: str
    text: str
    at: str
    cell: str = "bad"
    words: str = ""


def exported(code: str) -> str:
    """A good file and one more exported cell, called bad."""
    return GOOD + f"{graded('bad')}\n#| export\n{textwrap.dedent(code)}"


def unexported(code: str) -> str:
    return GOOD + f"{graded('bad')}\n{textwrap.dedent(code)}"


def solution(code: str) -> str:
    return GOOD + f"{graded('bad', solution=True)}\n{textwrap.dedent(code)}"


NO_TARGET = GOOD.replace("#| default_exp core.small\n", "")
FAULTS: dict[str, Fault] = {
    # The target.
    "no target": Fault("export-target", NO_TARGET, graded("start"), "start", "where this module"),
    "wrong target": Fault(
        "export-target", GOOD.replace("core.small", "core.tall"), "core.tall", "start", "classroom"
    ),
    "target twice": Fault(
        "export-duplicate", unexported("#| default_exp core.small #2\n"), "#2", words="second time"
    ),
    "empty target": Fault("export-target", GOOD.replace(" core.small", ""), "default_exp", "start"),
    # Directives.
    "unknown directive": Fault("export-directive", unexported("#| exprot\nx = 1\n"), "exprot"),
    "directive with value": Fault(
        "export-directive", unexported("#| export core.other\nx = 1\n"), "core.other"
    ),
    "directive with a colon": Fault("export-directive", unexported("#| hide: yes\nx = 1\n"), "yes"),
    "late directive": Fault("export-directive", unexported("x = 1\n#|export\n"), "#|export"),
    "directive below a comment": Fault(
        "export-directive", unexported("# why\n#| hide\nx = 1\n"), "#| hide"
    ),
    "two directives": Fault(
        "export-directive", exported("#| exporti\nx = 1\n"), "#| exporti", words="export` already"
    ),
    # Markers and metadata.
    "marker without space": Fault("export-marker", GOOD + "#%%\nx = 1\n", "#%%", "*"),
    "indented marker": Fault("export-marker", GOOD + "  # %%\nx = 1\n", "  # %%", "*"),
    "codecell": Fault("export-marker", GOOD + "# <codecell>\nx = 1\n", "<codecell>", "*"),
    "numbered input": Fault("export-marker", GOOD + "# In[3]:\nx = 1\n", "# In[3]", "*"),
    "marker glued to its kind": Fault(
        "export-marker", unexported("x = 1\n\n# %%[markdown]\n# Text\n"), "%%[markdown]"
    ),
    "marker glued below prose": Fault(
        "export-marker", GOOD + '# %% [markdown]\n"""\na\n"""\n\n# %%raw\n# x\n', "%%raw", "*"
    ),
    "unclosed metadata": Fault(
        "export-metadata", GOOD + '# %% nbgrader={"grade": true\nx = 1\n', '"grade": true', "*"
    ),
    "metadata that is no JSON": Fault(
        "export-metadata", GOOD + "# %% nbgrader={grade}\nx = 1\n", "{grade}", "*"
    ),
    "unclosed metadata of prose": Fault(
        "export-metadata", GOOD + '# %% [markdown] nbgrader={"a"\n# x\n', '{"a"', "*"
    ),
    # Solution cells.
    "no markers": Fault("export-solution", solution("def f():\n    return 1\n"), graded("bad", solution=True), words="has no ### BEGIN"),
    "no end": Fault(
        "export-solution", solution("### BEGIN SOLUTION #\n").replace(" #\n", "\n"), "### BEGIN SOLUTION", words="no ### END"
    ),
    "end alone": Fault(
        "export-solution", solution("x = 1\n    ### END SOLUTION\n"), "END SOLUTION", words="no partner"
    ),
    "begin twice": Fault(
        "export-solution",
        solution("### BEGIN SOLUTION\nx = 1\n## BEGIN SOLUTION\n### END SOLUTION\n"),
        "## BEGIN SOLUTION",
        words="no partner",
    ),
    "marker behind code": Fault(
        "export-solution",
        solution("x = 1  ### BEGIN SOLUTION\ny = 2\n### END SOLUTION\n"),
        "x = 1  ###",
        words="alone on its line",
    ),
    "region outside a solution cell": Fault(
        "export-solution",
        unexported("### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n"),
        "### BEGIN SOLUTION",
        words="outside a solution cell",
    ),
    # Python.
    "syntax error": Fault("export-syntax", exported("def f(:\n    pass\n"), "def f(:"),
    "syntax error in a test": Fault("export-syntax", unexported("x = (1\n"), "x = (1"),
    "unclosed string": Fault("export-syntax", exported('x = """\n\ntext\n'), 'x = """'),
    "wrong indent": Fault("export-syntax", exported("x = 1\n   y = 2\n"), "   y = 2"),
    "empty block": Fault(
        "export-syntax", exported("x = 1\nif x:\n# %%\ny = 2\n"), "if x:", words="indented block"
    ),
    "tabs and spaces": Fault(
        "export-syntax", exported("if 1:\n        x = 1\n\ty = 2\n"), "\ty = 2"
    ),
    "cell ends in a bracket": Fault(
        "export-syntax", exported("x = (\n\n# %%\n#| export\n1)\n"), "x = (", words="never closed"
    ),
    "decorator at the end": Fault("export-syntax", exported("x = 1\n@staticmethod\n"), "@static"),
    "return outside": Fault("export-syntax", exported("x = 1\nreturn x\n"), "return x"),
    "await outside": Fault("export-syntax", exported("import math\nawait math\n"), "await math"),
    "yield outside": Fault("export-syntax", exported("x = 1\nyield x\n"), "yield x"),
    "break outside": Fault("export-syntax", unexported("if 1:\n    break\n"), "    break"),
    "late future": Fault(
        "export-syntax", exported("from __future__ import annotations\n"), "__future__"
    ),
    "invalid escape": Fault("export-syntax", exported("x = 1\ny = '\\d'\n"), "y = ", words="escape"),
    "invalid escape in a test": Fault("export-syntax", unexported("x = 1\ny = '\\d'\n"), "y = "),
    "comparison by identity": Fault("export-syntax", exported("x = math is 3\n"), "is 3"),
    "assertion that never fails": Fault(
        "export-syntax", unexported("import math\nassert (math, 'message')\n"), "assert ("
    ),
    "null byte": Fault("export-character", unexported("x = '\0'\n"), "x = '", words="U+0000"),
    "form feed": Fault("export-character", exported("\x0c\nx = 1\n"), "\x0c", words="U+000C"),
    "line separator": Fault("export-character", exported("x = '\u2028'\n"), "x = ", words="U+2028"),
    "next line in prose": Fault(
        "export-character", GOOD + "# %% [markdown]\n# a\x85b\n", "a\x85b", "*", words="U+0085"
    ),
    "another encoding": Fault("export-encoding", "# coding: latin-1\n" + GOOD, "latin-1", "*"),
    # Notebook commands.
    "line magic": Fault("export-magic", exported("x = 1\n%matplotlib inline\n"), "%matplotlib"),
    "cell magic": Fault("export-magic", exported("%%time\nx = 1\n"), "%%time"),
    "shell line": Fault("export-magic", exported("import math\n!pip install x\n"), "!pip"),
    "shell line in a test": Fault("export-magic", unexported("!pip install x\n"), "!pip"),
    "indented shell line": Fault("export-magic", exported("if 1:\n    !ls\n"), "    !ls"),
    "shell value": Fault("export-magic", exported("x = !ls\n"), "!ls"),
    "magic value": Fault("export-magic", exported("x = 1\ny = %who\n"), "%who"),
    "help before": Fault("export-magic", exported("?math\n"), "?math"),
    "help behind": Fault("export-magic", exported("x = 1\nmath.sqrt?\n"), "sqrt?"),
    "more help behind": Fault("export-magic", exported("math??\n"), "math??"),
    "get_ipython": Fault(
        "export-magic", exported("x = 1\nget_ipython().system('ls')\n"), "get_ipython"
    ),
    # Names.
    "builtin": Fault("export-builtin", exported("x = 1\ndef sum(): ...\n"), "def sum"),
    "builtin assigned": Fault("export-builtin", exported("x = 1\nmax = 2\n"), "max = 2"),
    "folder": Fault("export-builtin", exported("x = 1\ncore = 2\n"), "core = 2"),
    "defined twice": Fault(
        "export-duplicate", exported("def f(): ...\n\n\nclass f: ...\n"), "class f"
    ),
    "defined again in another cell": Fault(
        "export-duplicate", exported("def solved(x):\n    return 1\n"), "return 1", words="line"
    ),
    "no such name": Fault(
        "export-name", exported('x = 1\n_all_ = ["x", "missing"]\n'), "_all_", words="'missing'"
    ),
    "no name at all": Fault(
        "export-name", exported('x = 1\n_all_ = ["a b"]\n'), "_all_", words="'a b'"
    ),
    "annotated only": Fault("export-name", exported("import math\nx: int\n"), "x: int"),
    "deleted": Fault("export-name", exported("x = 1\nfor i in 1,: y = 1\ndel x\n"), "x = 1"),
    "own __all__": Fault("export-name", exported('x = 1\n__all__ = ["x"]\n'), "__all__"),
    # Calls of solutions while the package is imported.
    "call": Fault("export-call", exported("x = 1\ny = solved(1)\n"), "y = "),
    "call in a condition": Fault("export-call", exported("if 1:\n    solved(2)\n"), "solved(2)"),
    "decorator": Fault("export-call", exported("@solved\ndef f(): ...\n"), "@solved"),
    "called decorator": Fault("export-call", exported("@solved(1)\ndef f(): ...\n"), "@solved(1)"),
    "decorator of a class": Fault("export-call", exported("@solved\nclass C: ...\n"), "@solved"),
    "default": Fault("export-call", exported("def f(\n    x=solved(1),\n): ...\n"), "x=solved"),
    "keyword default": Fault("export-call", exported("def f(*,\n    x=solved(1)): ...\n"), "x=sol"),
    "default of a lambda": Fault("export-call", exported("f = lambda x=solved(1): 1\n"), "lambda"),
    "annotation": Fault("export-call", exported("def f() -> solved(1): ...\n"), "-> solved"),
    "class body": Fault("export-call", exported("class C:\n    x = solved(1)\n"), "x = solved"),
    "base class": Fault("export-call", exported("class C(solved(1)): ...\n"), "class C"),
    "comprehension": Fault("export-call", exported("x = [solved(i) for i in (1,)]\n"), "x = [".strip()),
    "method of a solution": Fault(
        "export-call", exported("x = 1\ny = Solved.method(1)\n"), "Solved.method(1)"
    ),
    "instance of a solution": Fault("export-call", exported("y = Solved()\n"), "Solved()"),
    "instance's method": Fault("export-call", exported("y = Solved().method()\n"), "Solved()"),
    "else of a main block": Fault(
        "export-call",
        exported('if __name__ == "__main__":\n    pass\nelse:\n    solved(3)\n'),
        "solved(3)",
    ),
}  # fmt: skip
