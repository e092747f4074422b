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
    "extends set": (
        """\
class S(set): pass
def f(x): return S({1,2})
""",
        """\
assert f(0)=={1,2}
assert f(0)<={1,2,3}
assert f(0)-{1}=={2}
assert 1 in f(0)
assert len(f(0))==2
""",
    ),
    "has an IntEnum": (
        """\
import enum
class C(enum.IntEnum):
  A=1
def f(): return C.A
""",
        "assert f()==1 and f()+1==2 and f()<2 and f().name=='A' and int(f())==1",
    ),
    "gives a path": (
        """\
from pathlib import Path
def f(): return Path('a')/'b'
""",
        """\
assert str(f())=='a/b'
assert f().name=='b'
""",
    ),
    "gives a UUID": (
        """\
import uuid
def f(): return uuid.UUID(int=1)
""",
        "assert str(f())=='00000000-0000-0000-0000-000000000001'",
    ),
    "reads attributes of the tests' objects": (
        "def f(x): return x.a + x.b",
        """\
class X: pass
x=X(); x.a=1; x.b=2
assert f(x)==3
""",
    ),
    "sets attributes of the tests' objects": (
        """\
def f(x):
  x.a=5
""",
        """\
from types import SimpleNamespace
class X: a=0
x=X()
f(x)
assert x.a==5
""",
    ),
    "reads a namespace": (
        "def f(x): return x.a",
        """\
from types import SimpleNamespace
assert f(SimpleNamespace(a=3))==3
""",
    ),
    "calls methods of the tests' objects": (
        "def f(x): return x.total()",
        """\
from dataclasses import dataclass
@dataclass
class O:
  p:int
  def total(self): return self.p*2
assert f(O(2))==4
""",
    ),
    "reads a file": (
        "def f(file): return file.read().split()",
        """\
import io
assert f(io.StringIO('a b'))==['a','b']
""",
    ),
    "reads a date": (
        "def f(d): return d.year",
        """\
import datetime
assert f(datetime.date(2020,1,1))==2020
""",
    ),
    "adds to a date": (
        """\
import datetime
def f(d): return d+datetime.timedelta(days=1)
""",
        """\
import datetime
assert f(datetime.date(2020,1,1))==datetime.date(2020,1,2)
""",
    ),
    "gives a time with a zone": (
        """\
import datetime
def f(): return datetime.datetime(2020,1,1,tzinfo=datetime.timezone.utc)
""",
        """\
import datetime
assert f()==datetime.datetime(2020,1,1,tzinfo=datetime.timezone.utc)
""",
    ),
    "chooses by a key": (
        "def f(xs): return max(xs,key=lambda p:p[1])",
        "assert f([('a',1),('b',2)])==('b',2)",
    ),
    "turns a table": (
        "def f(m): return [list(r) for r in zip(*m)]",
        "assert f([[1,2],[3,4]])==[[1,3],[2,4]]",
    ),
    "counts": (
        """\
def f(s):
  from collections import Counter
  return Counter(s).most_common(1)[0]
""",
        "assert f('aab')==('a',2)",
    ),
    "keeps what was used last": (
        """\
class LRU:
  def __init__(self,n):
    from collections import OrderedDict
    self.n=n; self.d=OrderedDict()
  def get(self,k):
    if k not in self.d: return -1
    self.d.move_to_end(k); return self.d[k]
  def put(self,k,v):
    self.d[k]=v; self.d.move_to_end(k)
    if len(self.d)>self.n: self.d.popitem(last=False)
""",
        """\
c=LRU(2)
c.put(1,1);c.put(2,2)
assert c.get(1)==1
c.put(3,3)
assert c.get(2)==-1
""",
    ),
    "has a matrix": (
        """\
class Matrix:
  def __init__(s,r): s.r=r
  def __eq__(s,o): return s.r==o.r
  def __mul__(s,k): return Matrix([[v*k for v in r] for r in s.r])
  def __getitem__(s,ij): return s.r[ij[0]][ij[1]]
  def __setitem__(s,ij,v): s.r[ij[0]][ij[1]]=v
""",
        """\
m=Matrix([[1,2]])
assert m*2==Matrix([[2,4]])
assert m[0,1]==2
m[0,1]=7
assert m[0,1]==7
assert (m*2)[0,1]==14
""",
    ),
    "extends list": (
        """\
class Stack(list):
  def push(s,x): s.append(x)
""",
        """\
s=Stack()
s.push(1)
assert s==[1] and len(s)==1 and s[0]==1
assert s.pop()==1
assert not s
""",
    ),
    "has a metaclass": (
        """\
class Meta(type):
  def __call__(c,*a):
    if not hasattr(c,'i'): c.i=super().__call__(*a)
    return c.i
class One(metaclass=Meta): pass
""",
        "assert One() is One()",
    ),
    "has an abstract class": (
        """\
import abc
class Shape(abc.ABC):
  @abc.abstractmethod
  def area(s): ...
class Sq(Shape):
  def __init__(s,a): s.a=a
  def area(s): return s.a**2
""",
        """\
assert Sq(3).area()==9
assert isinstance(Sq(1),Shape)
try: Shape()
except TypeError: pass
else: assert False
""",
    ),
    "refuses negative numbers": (
        """\
def f(n):
  if n<0: raise ValueError('negative')
  return n**.5
""",
        """\
try:
  f(-1)
  raise AssertionError('no error')
except ValueError as e:
  assert 'negative' in str(e)
assert f(4)==2
""",
    ),
    "generates without end": (
        """\
def fib():
  a,b=0,1
  while True:
    yield a
    a,b=b,a+b
""",
        """\
from itertools import islice
assert list(islice(fib(),6))==[0,1,1,2,3,5]
""",
    ),
    "measures its own tree": (
        """\
class Tree:
  def __init__(s,v,l=None,r=None): s.v,s.l,s.r=v,l,r
def depth(t): return 0 if t is None else 1+max(depth(t.l),depth(t.r))
""",
        """\
assert depth(Tree(1,Tree(2),None))==2
assert depth(None)==0
""",
    ),
    "measures the tests' tree": (
        "def depth(t): return 0 if not t else 1+max(depth(t.l),depth(t.r))",
        """\
class Tree:
  def __init__(s,v,l=None,r=None): s.v,s.l,s.r=v,l,r
assert depth(Tree(1,Tree(2),None))==2
""",
    ),
    "compares the tests' objects": (
        "def f(a,b): return a==b",
        """\
class P:
  def __init__(s,x): s.x=x
  def __eq__(s,o): return s.x==o.x
assert f(P(1),P(1)) and not f(P(1),P(2))
""",
    ),
    "sorts the tests' objects": (
        "def f(xs): return sorted(xs)",
        """\
class P:
  def __init__(s,x): s.x=x
  def __lt__(s,o): return s.x<o.x
a,b=P(1),P(2)
r=f([b,a])
assert r[0] is a and r[1] is b
""",
    ),
    "composes": (
        """\
def compose(*fs):
  from functools import reduce
  return reduce(lambda f,g: lambda x: f(g(x)), fs)
""",
        "assert compose(lambda x:x+1, lambda x:x*2)(3)==7",
    ),
    "gives a generator": (
        "def f(): return (i for i in range(3))",
        """\
g=f()
assert sum(g)==3
assert list(g)==[]
""",
    ),
    "has names with hints": (
        """\
x: int = 5
_private = 3
""",
        "assert x==5 and _private==3",
    ),
    "has arguments by name alone": (
        "def f(*, a): return a",
        """\
try: f(1)
except TypeError: pass
else: assert False
assert f(a=2)==2
""",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "tests"), PROGRAMS.values(), ids=PROGRAMS)
def test_right_is_a_program_that(program: str, tests: str) -> None:
    assert passes(program, tests, BOUNDS)


def test_a_text_that_is_large_is_compared_piece_by_piece() -> None:
    assert passes("def f(s): return s[::-1]", "assert f('ab' * 2**23) == 'ba' * 2**23", BOUNDS)
    assert not passes("def f(s): return s[::-1]", "assert f('ab' * 2**23) == 'ab' * 2**23", BOUNDS)
