"""Messages that a program forges on its link to the tests: they are values at most, never rights."""

import pytest

from atlas_rewards.sandbox.runner import Bounds, passes

BOUNDS = Bounds(seconds=3, memory_bytes=2**29)
RAW = """\
import json,os
def raw(doc):
  b=json.dumps(doc).encode()
  m=b'%012d'%len(b)+b
  for fd in range(3,64):
    try: os.write(fd,m)
    except OSError: pass
"""
TESTS = "assert f(2) == 4"

FORGED = {
    "root is a plain value": (
        RAW + """\
raw(['root',[],4])
def f(x): return 9
""",
        "assert True and f(2)==4",
    ),
    "root is yours 0": (
        RAW + """\
raw(['root',[],['yours',0]])
def f(x): return 9
""",
        TESTS,
    ),
    "root is error class": (
        RAW + """\
raw(['root',[],['error',0,[['E',['type','BaseException']]]]])
def f(x): return 9
""",
        TESTS,
    ),
    "negative number": (
        RAW + """\
raw(['root',[],['object',-5,[],[]]])
def f(x): return 9
""",
        TESTS,
    ),
    "reply raises SystemExit": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[],[{},None,[['type','SystemExit'],[0],['object',1,[],[]]]]])
def f(x): return 9
""",
        TESTS,
    ),
    "reply raises GeneratorExit": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[],[{},None,[['type','GeneratorExit'],[],['object',1,[],[]]]]])
def f(x): return 9
""",
        TESTS,
    ),
    "error class of type object": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[],[{},None,[['type','int'],[],['object',1,[],[]]]]])
def f(x): return 9
""",
        TESTS,
    ),
    "asks T to run exec": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['call',[['builtin',0,'exec'],'import os; os._exit(0)'],{}]])
def f(x): return 9
""",
        TESTS,
    ),
    "asks T import": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['getattr',[['module',0,'os'],'_exit'],{}]])
def f(x): return 9
""",
        TESTS,
    ),
    "asks T getattr of type": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['getattr',[['type','object'],'__subclasses__'],{}]])
def f(x): return 9
""",
        TESTS,
    ),
    "unknown op": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['eval',['1'],{}]])
def f(x): return 9
""",
        TESTS,
    ),
    "changes place of nothing": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[],[{'7':['list',[1]]},4,None]])
def f(x): return 9
""",
        TESTS,
    ),
    "forged answer true": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[],[{},['callable',1,[],[]],None]])
raw(['reply',[],[{},True,None]])
def f(x): return 9
""",
        TESTS,
    ),
    "bomb of nodes": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['reply',[['list',[['node',0]]*100000]]*50,[{},['node',0],None]])
def f(x): return 9
""",
        TESTS,
    ),
    "bytearray bomb type": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['call',[['type','bytearray'],10**12],{}]])
def f(x): return 9
""",
        TESTS,
    ),
    "pow bomb": (
        RAW + """\
raw(['root',[],['object',0,[],[]]])
raw(['ask',[],['pow',[['int','0x9'],['int','0x99999999999']],{}]])
def f(x): return 9
""",
        TESTS,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "tests"), FORGED.values(), ids=FORGED)
def test_nothing_is_won_by(program: str, tests: str) -> None:
    assert not passes(program, tests, BOUNDS)
