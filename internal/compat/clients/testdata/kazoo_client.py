"""Drives servers with kazoo: kazoo_client.py HOST:PORT,HOST:PORT,HOST:PORT"""

import datetime
import sys
import threading
import time

from kazoo import exceptions
from kazoo.client import KazooClient
from kazoo.recipe.cache import TreeCache
from kazoo.security import CREATOR_ALL_ACL, make_digest_acl

SERVERS = sys.argv[1].split(",")
PATIENCE = 60


def client(**options):
    options.setdefault("hosts", ",".join(SERVERS))
    options.setdefault("timeout", 20)
    c = KazooClient(**options)
    c.start(PATIENCE)
    c.sync("/")
    return c


def tell(order):
    """Has something done to the servers, and returns the answer."""
    print(order, flush=True)
    return sys.stdin.readline().strip()


def same(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def refused(error, what, *args, **kwargs):
    try:
        got = what(*args, **kwargs)
    except error:
        return
    raise AssertionError("%r, but no %s" % (got, error.__name__))


def until(what):
    """Waits until something holds."""
    end = time.time() + PATIENCE
    while not what():
        if time.time() > end:
            raise AssertionError("it does not come to hold")
        time.sleep(0.02)


def commands():
    c = client()
    same(c.create("/a", b"x"), "/a")
    refused(exceptions.NodeExistsError, c.create, "/a")
    refused(exceptions.NoNodeError, c.create, "/none/a")
    data, stat = c.get("/a")
    same((data, stat.version, stat.dataLength, stat.numChildren), (b"x", 0, 1, 0))
    same(c.set("/a", b"y").version, 1)
    refused(exceptions.BadVersionError, c.set, "/a", b"z", version=0)
    same([c.create("/a/s-", sequence=True) for _ in range(2)], ["/a/s-0000000000", "/a/s-0000000001"])
    refused(exceptions.NotEmptyError, c.delete, "/a")
    c.create("/a/e", ephemeral=True)
    refused(exceptions.NoChildrenForEphemeralsError, c.create, "/a/e/f")
    same(c.get("/a/e")[1].ephemeralOwner, c.client_id[0])
    c.create("/a/null", None)
    same(c.get("/a/null")[0], None)
    same(c.create("/a/ünï-中/b", makepath=True), "/a/ünï-中/b")
    same(sorted(c.get_children("/a")), ["e", "null", "s-0000000000", "s-0000000001", "ünï-中"])
    same(c.exists("/a/none"), None)
    c.create("/a/large", b"x" * 1000000)
    same(len(c.get("/a/large")[0]), 1000000)
    refused(exceptions.BadArgumentsError, c.create, "/a/\x01")
    same(c.server_version()[0], 3)
    same(c.command(b"ruok"), "imok")
    inside = client(hosts=",".join(SERVERS) + "/a")
    same(inside.create("/inside", b"in"), "/inside")
    c.sync("/a")
    same(c.get("/a/inside")[0], b"in")
    inside.stop()
    c.delete("/a", recursive=True)
    same(c.exists("/a"), None)
    c.stop()


def transactions():
    c = client()
    c.create("/t")
    t = c.transaction()
    t.create("/t/a", b"1")
    t.set_data("/t/a", b"2")
    t.check("/t/a", 1)
    t.create("/t/s-", sequence=True)
    t.delete("/t/a")
    done = t.commit()
    same((done[0], done[1].version, done[2:]), ("/t/a", 1, [True, "/t/s-0000000001", True]))
    t = c.transaction()
    t.create("/t/b")
    t.delete("/t/none")
    t.create("/t/c")
    want = [exceptions.RolledBackError, exceptions.NoNodeError, exceptions.RuntimeInconsistency]
    same([type(r) for r in t.commit()], want)
    same(c.exists("/t/b"), None)
    c.stop()


def permissions():
    mine, other = client(auth_data=[("digest", "user:secret")]), client()
    mine.create("/p", b"1", acl=CREATOR_ALL_ACL)
    other.sync("/p")
    for call in other.get, other.get_children, other.get_acls:
        refused(exceptions.NoAuthError, call, "/p")
    refused(exceptions.NoAuthError, other.set, "/p", b"2")
    refused(exceptions.InvalidACLError, other.create, "/p2", acl=CREATOR_ALL_ACL)
    other.add_auth("digest", "user:secret")
    same(other.get("/p")[0], b"1")
    same(mine.get_acls("/p")[0], [make_digest_acl("user", "secret", all=True)])
    boss = client(auth_data=[("digest", "super:secret")])
    same(boss.get("/p")[0], b"1")
    stranger = client()
    refused(exceptions.AuthFailedError, stranger.add_auth, "nothing", "x")
    for c in mine, other, boss, stranger:
        c.stop()


def watches():
    c, w = client(), client()
    c.create("/w")
    w.sync("/w")
    seen = []

    def note(event):
        seen.append((event.type, event.path))

    def hears(*want):
        until(lambda: len(seen) >= len(want))
        same(sorted(seen), sorted(want))
        seen.clear()

    w.exists("/w/n", watch=note)
    w.get_children("/w", watch=note)
    c.create("/w/n")
    hears(("CREATED", "/w/n"), ("CHILD", "/w"))
    w.sync("/w")
    w.get("/w/n", watch=note)
    c.set("/w/n", b"1")
    hears(("CHANGED", "/w/n"))
    w.get("/w/n", watch=note)
    c.delete("/w/n")
    hears(("DELETED", "/w/n"))
    data, children, cached = [], [], []
    w.DataWatch("/w/d")(lambda d, stat: data.append(d))
    w.ChildrenWatch("/w")(lambda names: children.append(names))
    cache = TreeCache(w, "/w")
    cache.listen(lambda e: cached.append(e.event_data.path if e.event_data else "all"))
    cache.start()
    until(lambda: "all" in cached)
    c.create("/w/d", b"1")
    until(lambda: data[-1] == b"1" and children[-1] == ["d"] and "/w/d" in cached)
    c.delete("/w/d")
    until(lambda: data[-1] is None and children[-1] == [])
    cache.close()
    c.stop()
    w.stop()


def pipelined():
    c = client()
    c.create("/many")
    paths = ["/many/%d" % i for i in range(1000)]
    created = [c.create_async(p, p.encode()) for p in paths]
    read = [c.get_async(p) for p in paths]
    same([r.get(PATIENCE) for r in created], paths)
    same([r.get(PATIENCE)[0] for r in read], [p.encode() for p in paths])
    same(len(c.get_children("/many")), len(paths))
    c.stop()


def both(work, *clients):
    """Runs work(client) for several clients at once."""
    threads = [threading.Thread(target=work, args=[c]) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join(PATIENCE)
        same(t.is_alive(), False)


def locks(a, b):
    first, second = a.Lock("/r/lock", "a"), b.Lock("/r/lock", "b")
    first.acquire()
    same(second.acquire(blocking=False), False)
    waits = threading.Thread(target=second.acquire)
    waits.start()
    until(lambda: len(first.contenders()) == 2)
    first.release()
    waits.join(PATIENCE)
    same(second.is_acquired, True)
    readers, writer = [a.ReadLock("/r/rw"), b.ReadLock("/r/rw")], b.WriteLock("/r/rw")
    same([r.acquire(timeout=PATIENCE) for r in readers], [True, True])
    same(writer.acquire(blocking=False), False)
    for r in readers:
        r.release()
    same(writer.acquire(timeout=PATIENCE), True)
    lease = datetime.timedelta(seconds=30)
    same([bool(c.NonBlockingLease("/r/lease", lease, identifier=i)) for c, i in ((a, "a"), (b, "b"))], [True, False])
    same([s.acquire(blocking=False) for s in (a.Semaphore("/r/sem"), b.Semaphore("/r/sem"))], [True, False])


def gatherings(a, b):
    led = []
    both(lambda c: c.Election("/r/election").run(lambda: led.append(c)), a, b)
    same(len(led), 2)
    barrier = a.Barrier("/r/barrier")
    barrier.create()
    b.sync("/r")
    passed = []
    waits = threading.Thread(target=lambda: passed.append(b.Barrier("/r/barrier").wait(PATIENCE)))
    waits.start()
    barrier.remove()
    waits.join(PATIENCE)
    same(passed, [True])
    inside = []

    def meet(c):
        d = c.DoubleBarrier("/r/double", 2)
        d.enter()
        inside.append(c)
        until(lambda: len(inside) == 2)  # who comes in after the other one has left finds nobody, and waits for ever
        d.leave()

    both(meet, a, b)
    same(len(inside), 2)
    parties = [a.Party("/r/party", "a"), b.Party("/r/party", "b")]
    for p in parties:
        p.join()
    a.sync("/r")
    same(sorted(parties[0]), ["a", "b"])


def numbers(a, b):
    queue = a.Queue("/r/queue")
    for value, priority in ((b"2", 100), (b"3", 100), (b"1", 50)):
        queue.put(value, priority)
    b.sync("/r")
    same([b.Queue("/r/queue").get() for _ in range(4)], [b"1", b"2", b"3", None])
    locking = b.LockingQueue("/r/locking")
    a.LockingQueue("/r/locking").put(b"x")
    same(locking.get(PATIENCE), b"x")
    locking.consume()

    def count(c):
        for _ in range(20):
            c.Counter("/r/counter").__add__(1)

    both(count, a, b)
    a.sync("/r")
    same(a.Counter("/r/counter").value, 40)


def recipes():
    a, b = client(), client()
    for recipe in locks, gatherings, numbers:
        recipe(a, b)
    a.stop()
    b.stop()


def others(id):
    return [i for i in (1, 2, 3) if i != id]


def first(id):
    """The servers' addresses, that of one of them first."""
    return {"hosts": ",".join(SERVERS[i - 1] for i in [id] + others(id)), "randomize_hosts": False}


def killed():
    """The leader is killed: sessions live on, its clients' and those of others."""
    leader = int(tell("leader"))
    its, theirs = client(**first(leader)), client(**first(others(leader)[0]))
    its.create("/its", ephemeral=True)
    theirs.create("/theirs", ephemeral=True)
    ids = its.client_id, theirs.client_id
    tell("kill %d" % leader)
    for c in its, theirs:
        c.retry(c.create, "/after-", sequence=True)
        c.retry(c.sync, "/")
        same((c.exists("/its") is not None, c.exists("/theirs") is not None), (True, True))
    same((its.client_id, theirs.client_id), ids)
    tell("start %d" % leader)
    its.stop()
    theirs.sync("/")
    same(theirs.exists("/its"), None)
    theirs.stop()


def paused():
    """A server stands still: its client goes to another with its session, and still has it there when the first one goes on."""
    still = others(int(tell("leader")))[0]
    c = client(timeout=15, **first(still))  # it notices after two thirds of this, and has the rest to go to another
    c.create("/paused", ephemeral=True)
    id = c.client_id
    lost = threading.Event()
    c.add_listener(lambda state: lost.set())
    tell("pause %d" % still)
    same(lost.wait(PATIENCE), True)
    c.retry(c.set, "/paused", b"moved")
    time.sleep(4)
    tell("resume %d" % still)
    time.sleep(1)
    c.set("/paused", b"still there")
    same(c.client_id, id)
    c.stop()
    c = client()
    same(c.exists("/paused"), None)
    c.stop()


def expired():
    """The only server that a client knows stands still for longer than its session lives."""
    leader = int(tell("leader"))
    still = others(leader)[0]
    c, witness = client(timeout=6, hosts=SERVERS[still - 1]), client(hosts=SERVERS[leader - 1])
    states = []
    c.add_listener(states.append)
    c.create("/expired", ephemeral=True)
    witness.sync("/")
    same(witness.exists("/expired") is not None, True)
    tell("pause %d" % still)
    until(lambda: witness.exists("/expired") is None)
    tell("resume %d" % still)
    until(lambda: len(states) >= 3)
    same(states, ["SUSPENDED", "LOST", "CONNECTED"])
    c.stop()
    witness.stop()


def read_only():
    """Two of three servers are gone: the third is read, by those who can do with that."""
    left = int(tell("leader"))
    for i in others(left):
        tell("kill %d" % i)
    c = KazooClient(hosts=SERVERS[left - 1], timeout=6, read_only=True)
    c.start(PATIENCE)
    same(c.client_state, "CONNECTED_RO")
    same("quota" in c.get_children("/zookeeper"), True)
    refused(exceptions.NotReadOnlyCallError, c.create, "/read-only")
    same(c.command(b"isro"), "ro")
    refused(Exception, KazooClient(hosts=SERVERS[left - 1], timeout=2).start, 3)
    for i in others(left):
        tell("start %d" % i)
    until(lambda: c.client_state == "CONNECTED")
    c.retry(c.create, "/read-only")
    c.stop()


for part in commands, transactions, permissions, watches, pipelined, recipes, killed, paused, expired, read_only:
    began = time.time()
    part()
    print("# %s: %.1f s" % (part.__name__, time.time() - began), flush=True)
