"""
Programs that set out to cheat: none passes tests that it does not deserve to pass.

Tests live in a process of their own, so neither their source nor what they expect can be found, and a class that says
"yes" is asked nothing that decides.
"""

import pytest

from atlas_rewards.sandbox.runner import Bounds, passes

BOUNDS = Bounds(seconds=3, memory_bytes=2**29)
YES = """\
class Y:
    def __init__(s,*a): pass
    def __eq__(s,o): return True
    def __ne__(s,o): return False
    def __lt__(s,o): return True
    __le__=__gt__=__ge__=__contains__=__lt__
    def __bool__(s): return True
    def __hash__(s): return 4
    def __sub__(s,o): return 0
    __add__=__rsub__=__radd__=__mul__=__sub__
    def __abs__(s): return s
    def __iter__(s): return iter(())
    def __instancecheck__(s,o): return True
    def __getattr__(s,n): return s
    def __call__(s,*a): return s
    def __float__(s): return 0.0
"""
TESTS = "assert f(2) == 4"

CHEATS = {
    "is equal to everything": (
        YES + "def f(x): return Y()",
        TESTS,
    ),
    "is a number equal to everything": (
        """\
class I(int):
  def __eq__(s,o): return True
  __hash__=int.__hash__
def f(x): return I(5)
""",
        TESTS,
    ),
    "is a text equal to everything": (
        """\
class I(str):
  def __eq__(s,o): return True
  __hash__=str.__hash__
def f(x): return I('5')
""",
        "assert f(2)=='4'",
    ),
    "list of yes": (
        YES + "def f(x): return [Y()]",
        "assert f(2)==[4]",
    ),
    "dict of yes": (
        YES + "def f(x): return {'a':Y()}",
        "assert f(2)=={'a':4}",
    ),
    "tuple": (
        YES + "def f(x): return (Y(),)",
        "assert f(2)==(4,)",
    ),
    "not eq": (
        YES + "def f(x): return Y()",
        "assert not f(2)!=4",
    ),
    "reflected": (
        YES + "def f(x): return Y()",
        "assert 4==f(2)",
    ),
    "in tuple": (
        YES + "def f(x): return Y()",
        "assert f(2) in (4,5)",
    ),
    "in obj": (
        YES + "def f(x): return Y()",
        "assert 4 in f(2)",
    ),
    "is below everything": (
        YES + "def f(x): return Y()",
        "assert f(2)<5",
    ),
    "abs diff": (
        YES + "def f(x): return Y()",
        "assert abs(f(2)-4)<1e-9",
    ),
    "abs diff float": (
        """\
class N(float):
  def __sub__(s,o): return 0.0
  __rsub__=__sub__
  def __abs__(s): return 0.0
def f(x): return N(9)
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "abs subclass": (
        """\
class N(float):
  def __abs__(s): return 0.0
  def __sub__(s,o): return s
def f(x): return N(9)
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "sub returns obj w abs plain": (
        """\
class N:
  def __sub__(s,o): return N()
  def __abs__(s): return 0.0
def f(x): return N()
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "isclose": (
        YES + "def f(x): return Y()",
        """\
import math
assert math.isclose(f(2),4)
""",
    ),
    "isinstance": (
        YES + "def f(x): return Y()",
        "assert isinstance(f(2),int)",
    ),
    "class lie": (
        """\
class Y:
  __class__=int
  def __eq__(s,o): return True
def f(x): return Y()
""",
        "assert isinstance(f(2),int)",
    ),
    "set eq": (
        YES + "def f(x): return {Y()}",
        "assert f(2)=={4}",
    ),
    "sorted eq": (
        YES + "def f(x): return [Y()]",
        "assert sorted(f(2))==[4]",
    ),
    "shadow abs": (
        """\
def abs(x): return 0
def f(x): return 9
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "shadow isinstance": (
        """\
isinstance=lambda *_: True
def f(x): return 'no'
""",
        "assert isinstance(f(2),int)",
    ),
    "shadow all": (
        """\
def all(x): return True
def f(x): return 9
""",
        "assert all(f(i)==2*i for i in [1,2])",
    ),
    "shadow AssertionError": (
        """\
class AssertionError(BaseException): pass
def f(x): return 9
""",
        TESTS,
    ),
    "shadow math": (
        """\
class math:
  isclose=staticmethod(lambda *a,**k: True)
def f(x): return 9
""",
        """\
import math
assert math.isclose(f(2),4)
""",
    ),
    "fake math module": (
        """\
import types,sys
m=types.ModuleType('math'); m.isclose=lambda *a,**k: True
math=m
sys.modules['math']=m
def f(x): return 9
""",
        "assert math.isclose(f(2),4)",
    ),
    "mock ANY": (
        """\
from unittest.mock import ANY
def f(x): return ANY
""",
        TESTS,
    ),
    "mock ANY class": (
        "from unittest.mock import _ANY as f",
        "assert f()==4",
    ),
    "MagicMock": (
        """\
from unittest.mock import MagicMock
f=MagicMock()
""",
        TESTS,
    ),
    "traces over an assertion": (
        """\
import sys
def tr(fr, event, arg):
    if event == "line" and fr.f_code.co_filename == "<tests>" and fr.f_lineno == 2:
        fr.f_lineno = 3
    return tr
sys.settrace(tr)
def f(x): return 9
""",
        "x = 1\nassert f(2) == 4\ny = 2",
    ),
    "traces its callers": (
        """\
import sys
def tr(fr, event, arg):
    try: fr.f_lineno += 1
    except Exception: pass
    return tr
def f(x):
    sys.settrace(tr)
    fr = sys._getframe()
    while fr: fr.f_trace = tr; fr = fr.f_back
    return 9
""",
        "x = 1\nassert f(2) == 4\ny = 2",
    ),
    "profiles": (
        """\
import sys,os
def p(fr,ev,arg):
  if ev=='c_call': os._exit(0)
sys.setprofile(p)
def f(x): return 9
""",
        TESTS,
    ),
    "traces threads": (
        """\
import threading
threading.settrace(lambda *a: None)
def f(x): return 9
""",
        TESTS,
    ),
    "walks up its frames": (
        """\
import sys
def f(x):
  fr=sys._getframe()
  while fr:
    for v in list(fr.f_locals.values())+list(fr.f_code.co_consts)+list(fr.f_globals.values()):
      if v==4: return 4
    fr=fr.f_back
  return 9
""",
        "assert f(2) == 0x1234567",
    ),
    "asks the garbage collector": (
        """\
import gc
def f(x):
  for o in gc.get_objects():
    n=int('1908874'+'3')
    if isinstance(o,tuple) and n in o: return n
    if isinstance(o,(str,bytes)) and 'assert' in str(o) and str(n) in str(o): return n
  return 9
""",
        "assert f(2) == 19088743",
    ),
    "reads every descriptor": (
        """\
import os
def f(x):
  for fd in range(64):
    try:
      b=os.pread(fd,1<<20,0)
    except OSError: continue
    if b'19088743' in b: return 19088743
  return 9
""",
        "assert f(2) == 19088743",
    ),
    "reads standard input again": (
        """\
import os
def f(x):
  for fd in range(3):
    try:
      os.lseek(fd,0,0); b=os.read(fd,1<<20)
    except OSError: continue
    if b'19088743' in b: return 19088743
  return 9
""",
        "assert f(2) == 19088743",
    ),
    "reads /proc": (
        """\
import os
def f(x):
  for fd in range(64):
    try: b=open(f'/proc/self/fd/{fd}','rb').read()
    except OSError: continue
    if b'19088743' in b: return 19088743
  return 9
""",
        "assert f(2) == 19088743",
    ),
    "reads the names of the tests": (
        """\
import __main__
def f(x):
  return next((v for k,v in vars(__main__).items() if v==19088743),9)
""",
        """\
EXPECTED=19088743
assert f(2) == EXPECTED
""",
    ),
    "reads memory": (
        """\
import ctypes
def f(x):
  needle=str(19088742+1).encode()
  import sys
  for o in (sys.intern('a'),):
    base=id(o)&~0xfff
    try: m=ctypes.string_at(base,1<<16)
    except Exception: continue
    if needle in m: return 1
  return 9
""",
        "assert f(2) == 19088743",
    ),
    "ends its process": (
        """\
import os
def f(x): os._exit(0)
""",
        TESTS,
    ),
    "asks to exit": (
        "def f(x): raise SystemExit(0)",
        TESTS,
    ),
    "writes passed": (
        """\
import os
for fd in range(64):
  try: os.write(fd,b'passed')
  except OSError: pass
def f(x): return 9
""",
        TESTS,
    ),
    "forged root": (
        """\
import os,json
b=json.dumps(['root',[],['class',0]]).encode()
for fd in range(3,64):
  try: os.write(fd,b'%012d'%len(b)+b)
  except OSError: pass
def f(x): return 9
""",
        TESTS,
    ),
    "forged replies": (
        """\
import os,json
b=json.dumps(['reply',[],[{},True,None]]).encode()
m=json.dumps(['root',[],['object',0,[],[]]]).encode()
for fd in range(3,64):
  try: os.write(fd,b'%012d'%len(m)+m+(b'%012d'%len(b)+b)*50)
  except OSError: pass
def f(x): return 9
""",
        TESTS,
    ),
    "callback globals": (
        """\
def f(cb):
  try: return cb.__globals__['EXPECTED']
  except Exception: return 9
""",
        """\
EXPECTED=5
def cb(): pass
assert f(cb)==EXPECTED
""",
    ),
    "callback code": (
        """\
def f(cb):
  try: return cb.__code__.co_consts[1]
  except Exception: return 9
""",
        """\
def cb(): return 77777
assert f(cb)==77777
""",
    ),
    "callback self": (
        """\
class Z: pass
def f(cb):
  try: return cb.__self__.expected
  except Exception: return 9
""",
        """\
class K:
  def __init__(s): s._expected=5; s.expected=5
  def m(s): pass
assert f(K().m)==5
""",
    ),
    "generator frame": (
        """\
def f(g):
  try: return g.gi_frame.f_globals['EXPECTED']
  except Exception: return 9
""",
        """\
EXPECTED=5
assert f(i for i in [1])==EXPECTED
""",
    ),
    "setattr test class": (
        """\
def f(n):
  try: type(n).check=lambda s,x: True
  except Exception: pass
  try: n.__class__.check=lambda s,x: True
  except Exception: pass
  return 9
""",
        """\
class N:
  def check(s,x): return x==4
n=N()
assert N.check(n,f(n))
""",
    ),
    "says that it is true": (
        """\
class Y:
  def __bool__(s): return True
def f(x): return Y()
""",
        "assert f(2) is True",
    ),
    "len lie": (
        """\
class Y:
  def __len__(s): return 10
def f(x): return Y()
""",
        "assert len(f(2))==3",
    ),
    "index": (
        """\
class Y(int):
  def __index__(s): return 4
def f(x): return Y(9)
""",
        "assert [0,0,0,0,1][f(2)]==1",
    ),
    "descriptor": (
        YES + "f=Y()",
        TESTS,
    ),
    "metaclass": (
        """\
class M(type):
  def __eq__(c,o): return True
  def __call__(c,*a): return c
class f(metaclass=M): pass
""",
        TESTS,
    ),
    "exc args": (
        "def f(x): raise ValueError(9)",
        """\
try: f(2)
except ValueError as e: assert e.args[0]==4
else: assert False
""",
    ),
    "exception that catches itself": (
        """\
class E(Exception):
  def __eq__(s,o): return True
def f(x): return E()
""",
        TESTS,
    ),
    "raises AssertionError caught": (
        "def f(x): raise KeyboardInterrupt",
        TESTS,
    ),
    "huge frame": (
        """\
import os
for fd in range(3,64):
  try: os.write(fd,b'999999999999')
  except OSError: pass
def f(x): return 9
""",
        TESTS,
    ),
    "deep": (
        """\
def f(x):
  l=[]
  for _ in range(100000): l=[l]
  return l
""",
        TESTS,
    ),
    "odd json": (
        """\
import os
for fd in range(3,64):
  try: os.write(fd,b'000000000004null')
  except OSError: pass
def f(x): return 9
""",
        TESTS,
    ),
    "patch json": (
        """\
import json
json.dumps=lambda d: '["reply",[],[{},4,null]]'
def f(x): return 4
""",
        "assert f(2) == 4 and f(3) == 5",
    ),
    "patch link": (
        """\
import atlas_rewards.sandbox.link as l, atlas_rewards.sandbox.values as v
v.Outgoing.encode=lambda s,x: True
def f(x): return 9
""",
        TESTS,
    ),
    "parent pid read": (
        """\
import os,ctypes
def f(x):
  buf=ctypes.create_string_buffer(100)
  return ctypes.CDLL(None).process_vm_readv(os.getppid(),buf,1,buf,1,0)
""",
        TESTS,
    ),
    "await lie": (
        YES + "async def f(x): return Y()",
        """\
import asyncio
assert asyncio.run(f(2))==4
""",
    ),
    "gen lie": (
        YES + "def f(x): yield Y()",
        "assert list(f(2))==[4]",
    ),
    "mutates expected": (
        "def f(x,want): want[:]=[9]; return [9]",
        """\
want=[4]
assert f(2,list(want))==want
""",
    ),
    "Counter sub": (
        """\
from collections import Counter
class C(Counter):
  def __eq__(s,o): return True
def f(x): return C('a')
""",
        "assert f(2)=={'b':1}",
    ),
    "deque sub": (
        """\
from collections import deque
class C(deque):
  def __eq__(s,o): return True
def f(x): return C('a')
""",
        """\
from collections import deque
assert f(2)==deque('b')
""",
    ),
    "decimal sub": (
        """\
from decimal import Decimal
class C(Decimal):
  def __eq__(s,o): return True
def f(x): return C('1')
""",
        """\
from decimal import Decimal
assert f(2)==Decimal(2)
""",
    ),
    "type named eq": (
        "f=dict",
        "assert f(2)==4",
    ),
    "str method": (
        """\
class S(str):
  def __eq__(s,o): return True
  def strip(s): return s
  def lower(s): return s
  __hash__=str.__hash__
def f(x): return S('no')
""",
        "assert f(2).strip().lower()=='yes'",
    ),
    "startswith": (
        """\
class S(str):
  def startswith(s,*a): return True
  def __contains__(s,x): return True
def f(x): return S('no')
""",
        "assert 'yes' in f(2)",
    ),
    "pow": (
        """\

class Y:
    def __init__(s,*a): pass
    def __eq__(s,o): return True
    def __ne__(s,o): return False
    def __lt__(s,o): return True
    __le__=__gt__=__ge__=__contains__=__lt__
    def __bool__(s): return True
    def __hash__(s): return 4
    def __sub__(s,o): return 0
    __add__=__rsub__=__radd__=__pow__=__sub__
    def __abs__(s): return s
    def __iter__(s): return iter(())
    def __instancecheck__(s,o): return True
    def __getattr__(s,n): return s
    def __call__(s,*a): return s
    def __float__(s): return 0.0
def f(x): return Y()
""",
        "assert (f(2)-4)**2<1e-9",
    ),
    "sum": (
        YES + "def f(x): return [Y()]",
        "assert sum(f(2))==4",
    ),
    "max": (
        YES + "def f(x): return [Y()]",
        "assert max(f(2))==4",
    ),
    "round": (
        """\
class Y:
  def __round__(s,n=0): return s
  def __eq__(s,o): return True
def f(x): return Y()
""",
        "assert round(f(2),2)==4",
    ),
    "int conv": (
        YES + "def f(x): return Y()",
        "assert int(f(2))==4",
    ),
    "slice": (
        YES + """\
class L(list):
  def __getitem__(s,i): return Y()
def f(x): return L([1])
""",
        "assert f(2)[0]==4",
    ),
    "slice2": (
        """\
class L(list):
  def __eq__(s,o): return True
  def __getitem__(s,i): return L()
def f(x): return L([1])
""",
        "assert f(2)[:2]==[4]",
    ),
    "mixed same": (
        """\
class N:
  def __sub__(s,o): return s
  def __abs__(s): return 0.0
  def __neg__(s): return s
  def __mul__(s,o): return 0
def f(x): return N()
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "mixed neg": (
        """\
class N:
  def __sub__(s,o): return s
  def __abs__(s): return 0.0
  def __neg__(s): return s
def f(x): return N()
""",
        "assert abs(-(f(2)-4))<1e-9",
    ),
    "mixed not": (
        """\
class N:
  def __sub__(s,o): return s
  def __bool__(s): return False
def f(x): return N()
""",
        "assert not f(2)-4",
    ),
    "mixed mul": (
        """\
class N:
  def __sub__(s,o): return s
  def __mul__(s,o): return 0.0
def f(x): return N()
""",
        """\
d=f(2)-4
assert d*d<1e-9
""",
    ),
    "patched operation": (
        """\
import atlas_rewards.sandbox.link as l
for k in l.OPERATIONS: l.OPERATIONS[k]=lambda *a,**n: 0
class N(float): pass
def f(x): return N(9)
""",
        "assert abs(f(2)-4)<1e-9",
    ),
    "program fails": (
        """\
def f(x): return 4
raise ValueError
""",
        TESTS,
    ),
    "program fails, no names": (
        "raise ValueError",
        "assert True",
    ),
    "program exits 0": (
        "import sys; sys.exit(0)",
        "assert True",
    ),
    "nan dance": (
        "def f(x): return float('nan')",
        TESTS,
    ),
    "eq by slots": (
        """\
class I(tuple):
  __slots__=()
  def __eq__(s,o): return True
def f(x): return I((1,2))
""",
        "assert f(2)==(4,5)",
    ),
    "namedtuple lies": (
        """\
from collections import namedtuple
class P(namedtuple('P','x')):
  def __eq__(s,o): return True
  x=property(lambda s: 9)
def f(v): return P(1)
""",
        "assert f(2)==(4,)",
    ),
    "bool subclass impossible int": (
        """\
class I(int):
  def __bool__(s): return True
  def __eq__(s,o): return True
def f(x): return I(0)
""",
        "assert f(2)==1",
    ),
    "enum lies": (
        """\
import enum
class C(enum.IntEnum):
  A=1
  def __eq__(s,o): return True
def f(x): return C.A
""",
        TESTS,
    ),
    "remote in dict key": (
        """\
class K:
  def __hash__(s): return hash('a')
  def __eq__(s,o): return True
def f(x): return {K(): 4}
""",
        "assert f(2)=={'a':4}",
    ),
    "dict subclass get": (
        """\
class D(dict):
  def __eq__(s,o): return True
  def items(s): return {'a':4}.items()
def f(x): return D()
""",
        "assert f(2)=={'a':4}",
    ),
    "iter plain": (
        """\
class L(list):
  def __iter__(s): return iter(())
  def __eq__(s,o): return True
def f(x): return L([1])
""",
        "assert all(v==4 for v in f(2)) and len(f(2))==1 and f(2)==[4]",
    ),
    "exception equality": (
        "def f(x): return ValueError(4)",
        "assert f(2)==ValueError(4) or f(2)==4",
    ),
    "weakref proxy": (
        """\
import weakref
class Y:
  def __eq__(s,o): return True
y=Y()
def f(x): return weakref.proxy(y)
""",
        TESTS,
    ),
    "module as function": (
        """\
import sys,types
class M(types.ModuleType):
  def __eq__(s,o): return True
def f(x): return M('m')
""",
        TESTS,
    ),
    "coroutine equality": (
        """\
async def g(): return 4
def f(x): return g()
""",
        TESTS,
    ),
    "property raises stop": (
        """\
class It:
  def __iter__(s): return s
  def __next__(s): raise StopIteration
def f(x): return It()
""",
        """\
got=False
for v in f(2):
  got = v==4
assert got
""",
    ),
    "all over empty": (
        """\
class L:
  def __iter__(s): return iter(())
  def __len__(s): return 3
def f(x): return L()
""",
        """\
r=f(2)
assert len(r)==3 and list(r)==[1,2,3]
""",
    ),
    "zip truncation obj": (
        """\
class L:
  def __iter__(s): return iter(())
def f(x): return L()
""",
        """\
r=list(f(2))
assert len(r)==2 and all(a==b for a,b in zip(r,[1,2]))
""",
    ),
    "format": (
        """\
class Y:
  def __format__(s,f): return 'x'
  def __str__(s): return 'x'
def f(x): return Y()
""",
        "assert f'{f(2)}'=='4'",
    ),
    "json": (
        """\
class Y(dict):
  pass
def f(x): return Y(a=9)
""",
        """\
import json
assert json.loads(json.dumps(dict(f(2))))=={'a':4}
""",
    ),
    "sorted with lying lt": (
        """\
class Y:
  def __lt__(s,o): return True
  def __eq__(s,o): return True
def f(x): return [Y(),Y()]
""",
        "assert sorted(f(2))==[1,2]",
    ),
    "sets minus": (
        """\
class S(set):
  def __sub__(s,o): return set()
  def __eq__(s,o): return True
def f(x): return S({9})
""",
        "assert f(2)-{4}==set()",
    ),
    "set issubset method": (
        """\
class S(frozenset):
  def __le__(s,o): return True
  def __ge__(s,o): return True
def f(x): return S({9})
""",
        "assert f(2)<={4}",
    ),
    "kill tester": (
        """\
import os,signal
os.kill(os.getppid(),9)
def f(x): return 9
""",
        TESTS,
    ),
    "stdin brief": (
        """\
import os,sys
def f(x):
  import io
  return sys.stdin.read() or 9
""",
        TESTS,
    ),
    "argv": (
        """\
import sys
def f(x): return 19 if '19088743' not in ' '.join(sys.orig_argv) else 19088743
""",
        "assert f(2)==19088743",
    ),
    "env": (
        """\
import os
def f(x): return os.environ.get('x',9)
""",
        TESTS,
    ),
    "cwd": (
        """\
import os
def f(x): return [open(n).read() for n in os.listdir()] or 9
""",
        TESTS,
    ),
    "temp of brief": (
        """\
import os
def f(x):
  try: return os.listdir('/tmp')
  except OSError: return 9
""",
        TESTS,
    ),
    "socketpair fd dup recv": (
        """\
import socket,os
def f(x):
  for fd in range(3,64):
    try: s=socket.socket(fileno=os.dup(fd)); s.setblocking(False); d=s.recv(65536,socket.MSG_PEEK)
    except OSError: continue
    if b'19088743' in d: return 19088743
  return 9
""",
        "assert f(2)==19088743",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "tests"), CHEATS.values(), ids=CHEATS)
def test_nothing_is_won_by(program: str, tests: str) -> None:
    assert not passes(program, tests, BOUNDS)
