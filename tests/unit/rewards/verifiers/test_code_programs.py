"""Right programs pass their tests, which live in another process: whatever a program gives, takes and changes."""

import pytest
from support.verifiers.sandboxed import BOUNDS

from atlas_rewards.sandbox.runner import passes

PROGRAMS = {
    "awaits": (
        """\
import asyncio
async def f():
    await asyncio.sleep(0)
    return 1
""",
        """\
import asyncio
assert asyncio.run(f()) == 1
""",
    ),
    "generates asynchronously": (
        """\
async def g():
    for i in range(3): yield i
""",
        """\
import asyncio
async def main():
    return [x async for x in g()]
assert asyncio.run(main())==[0,1,2]
""",
    ),
    "fills a dict": (
        "def f(d): d['x']=1",
        """\
d={}
f(d)
assert d=={'x':1}
""",
    ),
    "reads a dict that is walked": (
        "def f(d,k): return d[k]",
        """\
d={'a':1,'b':2}
for k in d: assert f(d,k)==d[k]
""",
    ),
    "fills a set": (
        "def f(s): s.add(3)",
        """\
s={1}
f(s)
assert s=={1,3}
""",
    ),
    "changes a list within a list": (
        """\
def f(g):
  g[0][1]=9
""",
        """\
g=[[0,0],[0,0]]
row=g[0]
f(g)
assert row==[0,9] and g[0] is row
""",
    ),
    "turns a list of its own nodes": (
        """\
class Node:
  def __init__(s,v,n=None): s.v=v; s.n=n
def rev(h):
  p=None
  while h: h.n,p,h=p,h,h.n
  return p
""",
        """\
h=rev(Node(1,Node(2,Node(3))))
out=[]
while h:
  out.append(h.v); h=h.n
assert out==[3,2,1]
""",
    ),
    "turns a list of the tests' nodes": (
        """\
def rev(h):
  p=None
  while h: h.n,p,h=p,h,h.n
  return p
""",
        """\
class Node:
  def __init__(s,v,n=None): s.v=v; s.n=n
h=rev(Node(1,Node(2,Node(3))))
out=[]
while h:
  out.append(h.v); h=h.n
assert out==[3,2,1]
""",
    ),
    "gives a namedtuple": (
        """\
from collections import namedtuple
P=namedtuple('P','x y')
def f(): return P(1,2)
""",
        """\
assert f()==(1,2)
assert f().x==1
assert f()[1]==2
a,b=f()
assert (a,b)==(1,2)
assert f()==P(1,2)
""",
    ),
    "has enumerations": (
        """\
from enum import Enum,IntEnum
class C(Enum):
  R=1
  G=2
class I(IntEnum):
  A=3
def f(): return C.R
""",
        """\
assert f()==C.R
assert f() is C.R
assert f()!=C.G
assert C.R.value==1
assert I.A==3
assert C['R']==C.R
assert len(C)==2
""",
    ),
    "has a class with operators": (
        """\
class V:
  def __init__(s,x): s.x=x
  def __add__(s,o): return V(s.x+o.x)
  def __mul__(s,k): return V(s.x*k)
  def __rmul__(s,k): return V(s.x*k)
  def __eq__(s,o): return isinstance(o,V) and s.x==o.x
  def __repr__(s): return f'V({s.x})'
  def __len__(s): return s.x
  def __iter__(s): return iter(range(s.x))
  def __getitem__(s,i): return i
  def __call__(s,y): return s.x+y
  def __matmul__(s,o): return s.x*o.x
  def __lt__(s,o): return s.x<o.x
  def __hash__(s): return hash(s.x)
""",
        """\
assert V(1)+V(2)==V(3)
assert V(2)*3==V(6)
assert 3*V(2)==V(6)
assert repr(V(2))=='V(2)'
assert len(V(3))==3
assert list(V(3))==[0,1,2]
assert V(1)[5]==5
assert V(1)(2)==3
assert V(2)@V(3)==6
assert V(1)<V(2)
assert sorted([V(2),V(1)])==[V(1),V(2)]
assert {V(1)}=={V(1)}
assert 2 in V(3)
assert f'{V(2)}'=='V(2)'
assert str(V(2))=='V(2)'
""",
    ),
    "has a stack": (
        """\
class S:
  def __init__(s): s.items=[]
  def push(s,x): s.items.append(x)
  def pop(s):
    if not s.items: raise IndexError('empty')
    return s.items.pop()
  @property
  def top(s): return s.items[-1]
  @staticmethod
  def z(): return 0
  @classmethod
  def make(cls): return cls()
""",
        """\
s=S()
s.push(1); s.push(2)
assert s.pop()==2
assert s.top==1
assert s.items==[1]
assert S.z()==0
assert isinstance(S.make(),S)
s.pop()
try: s.pop()
except IndexError as e: assert str(e)=='empty'
else: assert False
""",
    ),
    "decorates": (
        """\
def deco(f):
  import functools
  @functools.wraps(f)
  def w(*a): return f(*a)+1
  return w
""",
        """\
@deco
def g(x):
  'doc'
  return x
assert g(1)==2
assert g.__name__=='g'
assert g.__doc__=='doc'
""",
    ),
    "has a context manager": (
        """\
import contextlib
@contextlib.contextmanager
def cm():
  yield 5
""",
        "with cm() as x: assert x==5",
    ),
    "takes arguments of every kind": (
        "def f(x,/,*a,k=1,**kw): return (x,a,k,kw)",
        "assert f(1,2,k=3,z=4)==(1,(2,),3,{'z':4})",
    ),
    "gives odd floats": (
        "def f(x): return float('nan') if x else -0.0",
        """\
import math
assert math.isnan(f(1))
assert math.copysign(1,f(0))==-1
""",
    ),
    "gives a huge number": (
        "def f(): return 10**400",
        "assert f()==10**400",
    ),
    "gives plain values of every kind": (
        """\
from decimal import Decimal
from fractions import Fraction
import datetime
def f(): return [
  Decimal('1.5'), Fraction(1, 3), datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3),
  datetime.timedelta(days=1), b'x', bytearray(b'y'), 1j, range(3), {1, 2}, frozenset({3}), (1,), None, True,
]
""",
        """\
from decimal import Decimal
from fractions import Fraction
import datetime
assert f() == [
  Decimal('1.5'), Fraction(1, 3), datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3),
  datetime.timedelta(days=1), b'x', bytearray(b'y'), 1j, range(3), {1, 2}, frozenset({3}), (1,), None, True,
]
""",
    ),
    "gives collections": (
        """\
from collections import *
def f(): return Counter('aab'),OrderedDict(a=1),deque([1]),defaultdict(list,{1:[2]})
""",
        """\
assert f()==({'a':2,'b':1},{'a':1},__import__('collections').deque([1]),{1:[2]})
assert f()[0].most_common(1)==[('a',2)]
""",
    ),
    "gives types": (
        "def f(x): return type(x)",
        """\
assert f(1) is int
assert f('a') is str
assert isinstance(f([]),type)
""",
    ),
    "asks for types": (
        "def f(x): return isinstance(x,int)",
        """\
assert f(1) is True
assert f('') is False
""",
    ),
    "calculates": (
        """\
import math
def f(): return math.pi
""",
        """\
assert math.isclose(f(),3.14159265,rel_tol=1e-6)
assert abs(f()-3.1416)<1e-3
""",
    ),
    "has closures": (
        """\
def counter():
  n=0
  def c():
    nonlocal n
    n+=1
    return n
  return c
""",
        """\
c=counter()
assert c()==1 and c()==2
assert callable(c)
""",
    ),
    "has a global that changes": (
        """\
X={'a':[1]}
def f(): X['a'].append(2)
""",
        """\
f()
assert X=={'a':[1,2]}
""",
    ),
    "takes iterators": (
        "def f(it): return sum(it)",
        """\
assert f(x for x in [1,2])==3
assert f(iter([1]))==1
assert f(map(int,['1']))==1
assert f(range(3))==3
assert f({1:2})==1
""",
    ),
    "takes keys": (
        "def f(xs,key): return sorted(xs,key=key)",
        """\
assert f(['b','A'],str.lower)==['A','b']
assert f([2,1],lambda x:-x)==[2,1]
assert f(['aa','b'],len)==['b','aa']
""",
    ),
    "takes functions": (
        "def f(fn): return fn(3)",
        """\
import math
assert f(math.sqrt)==3**.5
assert f(str)=='3'
assert f(print) is None
""",
    ),
    "raises": (
        "def f(): raise KeyError('k')",
        """\
try: f()
except KeyError as e: assert e.args==('k',)
""",
    ),
    "raises an error of its own": (
        """\
class MyE(Exception):
  def __init__(s,c): super().__init__(f'code {c}'); s.code=c
def f(): raise MyE(5)
""",
        """\
try: f()
except MyE as e:
  assert e.code==5
  assert str(e)=='code 5'
else: raise AssertionError
assert issubclass(MyE,Exception)
""",
    ),
    "catches what a callback raises": (
        """\
def f(cb):
  try: cb()
  except ValueError as e: return str(e)
""",
        """\
def cb(): raise ValueError('x')
assert f(cb)=='x'
""",
    ),
    "gives half a character": (
        "def f(): return 'ü\\ud800'",
        "assert f()=='ü\\ud800'",
    ),
    "gives a list that holds itself": (
        "def f(a): return a",
        """\
l=[1]; l.append(l)
r=f(l)
assert r is l
""",
    ),
    "asks for identity": (
        "def f(a,b): return a is b",
        """\
x=[1]
assert f(x,x) and not f([1],[1])
""",
    ),
    "recurses": (
        """\
def f(n):
  return n if n<2 else f(n-1)+f(n-2)
""",
        "assert [f(i) for i in range(10)]==[0,1,1,2,3,5,8,13,21,34]",
    ),
    "has attributes": (
        """\
class A:
  x=1
  def m(s): return 's'
""",
        """\
assert A.x==1
a=A()
a.y=3
assert a.y==3
assert hasattr(a,'m') and not hasattr(a,'zz')
assert A.__name__=='A'
assert getattr(a,'q',7)==7
assert type(a).__name__ in ('A','Remote')
del a.y
assert not hasattr(a,'y')
assert a.__class__ is A or a.__class__==A
""",
    ),
    "gives a long list": (
        "def f(): return [i*i for i in range(10000)]",
        """\
assert f()==[i*i for i in range(10000)]
assert isinstance(f(),list)
""",
    ),
    "is imported by name": (
        "def f(s): return s.upper()",
        """\
from __main__ import f as g
import __main__
assert g('a')=='A' and __main__.f('b')=='B'
""",
    ),
    "has a docstring": (
        """\
from typing import List
def f(a: List[int]) -> int:
  'Doc'
  return 1
""",
        """\
assert f.__doc__=='Doc'
assert f.__name__=='f'
assert f([])==1
""",
    ),
    "is sent to": (
        """\
def gen():
  x = yield 1
  yield x
""",
        """\
g=gen()
assert next(g)==1
assert g.send(5)==5
""",
    ),
    "extends dict": (
        """\
class M(dict):
  def __missing__(s,k): return k
""",
        """\
m=M(a=1)
assert m['z']=='z'
assert m=={'a':1}
m['q']=2
assert m['q']==2
assert len(m)==2
assert 'a' in m
assert dict(m)=={'a':1,'q':2}
""",
    ),
    "matches": (
        """\
import re
def f(s): return re.match(r'(\\w)',s)
""",
        """\
assert f('a').group(1)=='a'
assert f('!') is None
assert f('a')
""",
    ),
    "is asked for the environment": (
        "import os",
        "assert set(os.environ) <= {'PYTHONHASHSEED', 'LC_CTYPE'} and os.listdir() == []",
    ),
    "holds much memory": (
        "x = bytearray(2**24)",
        "assert x",
    ),
    "is a predicate": (
        "def f(x): return x%2==0",
        "assert all(f(i) for i in [2,4]) and not any(f(i) for i in [1,3])",
    ),
    "is remembered": (
        """\
from functools import lru_cache
@lru_cache
def f(x): return x
""",
        """\
assert f(1)==1
assert f.cache_info().hits==0
""",
    ),
    "is an iterator": (
        """\
class It:
  def __init__(s): s.n=0
  def __iter__(s): return s
  def __next__(s):
    s.n+=1
    if s.n>3: raise StopIteration
    return s.n
""",
        """\
assert list(It())==[1,2,3]
assert sum(It())==6
assert [x for x in It()]==[1,2,3]
""",
    ),
    "gives a view": (
        "def f(): return {1:'a'}.items()",
        """\
assert list(f())==[(1,'a')]
assert dict(f())=={1:'a'}
""",
    ),
    "is tested by unittest": (
        "y=1",
        """\
import unittest
class T(unittest.TestCase):
  def test(self): self.assertEqual(y,1)
r=unittest.TextTestRunner(stream=__import__('io').StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
assert r.wasSuccessful()
""",
    ),
    "is checked by a function": (
        "def f(): return 1",
        """\
def check(candidate):
  assert candidate()==1
  assert candidate()!=2
check(f)
""",
    ),
    "is rounded": (
        """\
import math
def area(r): return math.pi*r*r
""",
        "assert round(area(1),2)==3.14",
    ),
    "is tested by a table": (
        "def f(x): return x+1",
        """\
import copy
for a,b in [(1,2),(3,4)]:
  assert f(copy.deepcopy(a))==b
""",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "tests"), PROGRAMS.values(), ids=PROGRAMS)
def test_right_is_a_program_that(program: str, tests: str) -> None:
    assert passes(program, tests, BOUNDS)


def test_a_text_that_is_large_is_compared_piece_by_piece() -> None:
    assert passes("def f(s): return s[::-1]", "assert f('ab' * 2**23) == 'ba' * 2**23", BOUNDS)
    assert not passes("def f(s): return s[::-1]", "assert f('ab' * 2**23) == 'ab' * 2**23", BOUNDS)
