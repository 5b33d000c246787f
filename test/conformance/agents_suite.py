"""Agents whose steps are checkpoints: time travel, expiry, rivals for one step, and servers that die under 32 agents at work."""
import threading
import time
import uuid

from cassandra.cluster import Cluster
from cassandra.policies import ConstantReconnectionPolicy

from checks import arguments, check, crash_server, equal, eventually, run

STATEMENTS = {
    "put": "INSERT INTO agents.checkpoints (thread_id, ns, checkpoint_id, parent_id, step, owner, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
           " IF NOT EXISTS",
    "put_mortal": "INSERT INTO agents.checkpoints (thread_id, ns, checkpoint_id, step, owner) VALUES (?, '', ?, ?, ?)"
                  " IF NOT EXISTS USING TTL ?",
    "get": "SELECT * FROM agents.checkpoints WHERE thread_id = ? AND ns = ? AND checkpoint_id = ?",
    "latest": "SELECT * FROM agents.checkpoints WHERE thread_id = ? AND ns = ? LIMIT 1",
    "list": "SELECT * FROM agents.checkpoints WHERE thread_id = ? AND ns = ?",
    "list_before": "SELECT * FROM agents.checkpoints WHERE thread_id = ? AND ns = ? AND checkpoint_id < ?",
    "thread": "SELECT ns, checkpoint_id FROM agents.checkpoints WHERE thread_id = ?",
    "delete": "DELETE FROM agents.checkpoints WHERE thread_id = ?",
    "begin": "INSERT INTO agents.threads (id, step, path) VALUES (?, -1, []) IF NOT EXISTS",
    "advance": "UPDATE agents.threads SET step = ?, path = path + ? WHERE id = ? IF step = ?",
    "head": "SELECT step, path FROM agents.threads WHERE id = ?",
}
AGENTS, STEPS, DEATHS = 32, 30, 3
RIVALS = 8


class Context:
    def __init__(self, args):
        self.cluster = Cluster(["127.0.0.1"], port=args.port, reconnection_policy=ConstantReconnectionPolicy(0.1, None))
        self.session = self.cluster.connect()
        self.session.execute("CREATE KEYSPACE agents WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        self.session.execute("CREATE TABLE agents.checkpoints (thread_id text, ns text, checkpoint_id text, parent_id text, step int,"
                             " owner uuid, state blob, PRIMARY KEY ((thread_id), ns, checkpoint_id))"
                             " WITH CLUSTERING ORDER BY (ns ASC, checkpoint_id DESC)")
        self.session.execute("CREATE TABLE agents.threads (id text PRIMARY KEY, step int, path list<int>)")
        self.prepared = {name: self.session.prepare(statement) for name, statement in STATEMENTS.items()}

    def ask(self, name, *values):
        return self.session.execute(self.prepared[name], values)

    def put(self, thread, step, owner=None, ns="", parent=None):
        """Whether the checkpoint was put, and who put the one that is there now."""
        owner = owner or uuid.uuid4()
        row = self.ask("put", thread, ns, key(step), parent or key(step - 1), step, owner, b"state %d" % step).one()
        return row.applied, owner if row.applied else row.owner


def key(step):
    return f"{step:06d}"


def keys(rows):
    return [row.checkpoint_id for row in rows]


@check
def the_newest_checkpoint_first(c):
    for step in range(10):
        equal(c.put("walk", step)[0], True)
    row = c.ask("latest", "walk", "").one()
    equal((row.step, row.parent_id, row.state), (9, key(8), b"state 9"))
    equal(keys(c.ask("list", "walk", "")), [key(step) for step in reversed(range(10))])


@check
def time_travel(c):
    equal(keys(c.ask("list_before", "walk", "", key(4))), [key(step) for step in (3, 2, 1, 0)])
    equal(c.ask("get", "walk", "", key(4)).one().state, b"state 4")
    for step in (100, 101):  # a fork from step 4
        c.put("walk", step, parent=key(4) if step == 100 else None)
    chain = [c.ask("latest", "walk", "").one()]
    while chain[-1].step:
        chain.append(c.ask("get", "walk", "", chain[-1].parent_id).one())
    equal([row.step for row in chain], [101, 100, 4, 3, 2, 1, 0])
    equal(c.ask("get", "walk", "", key(9)).one().step, 9)


@check
def a_checkpoint_is_put_once(c):
    first, second = uuid.uuid4(), uuid.uuid4()
    equal(c.put("once", 1, first), (True, first))
    equal(c.put("once", 1, second), (False, first))
    equal(c.put("once", 1, first), (False, first))


@check
def namespaces_of_subgraphs(c):
    for ns in ("", "a", "b|c"):
        for step in (1, 2):
            c.put("nested", step, ns=ns)
    equal([tuple(row) for row in c.ask("thread", "nested")], [(ns, key(step)) for ns in ("", "a", "b|c") for step in (2, 1)])
    equal(keys(c.ask("list_before", "nested", "a", key(2))), [key(1)])


@check
def checkpoints_that_expire(c):
    owner = uuid.uuid4()
    equal(c.ask("put_mortal", "mortal", key(1), 1, owner, 4).one().applied, True)
    equal(c.ask("put_mortal", "mortal", key(1), 1, owner, 4).one().applied, False)
    equal(c.ask("put_mortal", "mortal", key(2), 2, owner, 1000).one().applied, True)
    left = c.session.execute("SELECT ttl(owner) FROM agents.checkpoints WHERE thread_id = 'mortal' AND ns = '' LIMIT 1").one()[0]
    assert 990 <= left <= 1000, left
    eventually(lambda: keys(c.ask("list", "mortal", "")) == [key(2)])
    equal(c.ask("put_mortal", "mortal", key(1), 1, owner, 1000).one().applied, True)
    equal(keys(c.ask("list", "mortal", "")), [key(2), key(1)])


@check
def a_thread_deleted(c):
    c.put("kept", 1)
    c.ask("delete", "walk")
    equal((c.ask("list", "walk", "").all(), len(c.ask("list", "kept", "").all())), ([], 1))
    equal(c.put("walk", 0)[0], True)


def together(workers):
    """Starts every function of `workers` in a thread of its own: the threads, and where their failures come."""
    failures = []

    def guarded(work):
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in workers]
    for thread in threads:
        thread.start()
    return threads, failures


def finish(threads, failures):
    """Waits for them; raises the first failure."""
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "an agent still waits"
    if failures:
        raise failures[0]


@check
def rivals_for_the_same_steps(c):
    won = []

    def rival():
        won.extend(step for step in range(STEPS) if c.put("contested", step)[0])

    finish(*together([rival] * RIVALS))
    equal(sorted(won), list(range(STEPS)))
    equal(len(c.ask("list", "contested", "").all()), STEPS)


class Agent:
    """Takes its steps in order, each put and then counted under a condition, and asks again when an answer does not come."""

    def __init__(self, context, number):
        self.context, self.thread = context, f"agent {number}"
        self.owners = []

    def insist(self, question, *values):
        deadline = time.monotonic() + 60
        while True:
            try:
                return question(*values)
            except Exception:  # the server is dead: what was asked may have been done or not
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def take(self, step):
        owner = uuid.uuid4()
        equal(self.insist(self.context.put, self.thread, step, owner)[1], owner)
        if not self.insist(self.context.ask, "advance", step, [step], self.thread, step - 1).one().applied:
            equal(self.insist(self.context.ask, "head", self.thread).one().step, step)
        self.owners.append(owner)

    def work(self):
        self.insist(self.context.ask, "begin", self.thread)
        for step in range(STEPS):
            self.take(step)

    def faults(self):
        rows = self.context.ask("list", self.thread, "").all()
        found = [(row.step, row.parent_id, row.owner, row.state) for row in reversed(rows)]
        wanted = [(step, key(step - 1), owner, b"state %d" % step) for step, owner in enumerate(self.owners)]
        head = self.context.ask("head", self.thread).one()
        right = found == wanted and len(wanted) == STEPS and tuple(head) == (STEPS - 1, list(range(STEPS)))
        return [] if right else [f"{self.thread}: {head}, {len(found)} checkpoints"]


@check
def no_step_lost_or_doubled_when_the_server_dies_under_32_agents(c):
    agents = [Agent(c, number) for number in range(AGENTS)]
    threads, failures = together([agent.work for agent in agents])
    for death in range(1, DEATHS + 1):
        share = AGENTS * STEPS * death // (DEATHS + 1)
        eventually(lambda: failures or sum(len(agent.owners) for agent in agents) >= share, 60)
        crash_server()
    finish(threads, failures)
    equal([fault for agent in agents for fault in agent.faults()], [])


if __name__ == "__main__":
    run(Context(arguments()))
