"""cqlsh, Apache's and ScyllaDB's: statements in, tables out; it describes what it made, and the description can be replayed."""
import os
import subprocess
import tempfile

from checks import arguments, check, equal, restart_server, run


class Shell:
    def __init__(self, program, port):
        self.program, self.port = program, port
        self.home = tempfile.mkdtemp(prefix="cqlsh-")

    def run(self, *options, status=0):
        done = subprocess.run([self.program, *options, "127.0.0.1", str(self.port)], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "HOME": self.home}, stdin=subprocess.DEVNULL)
        assert (done.returncode == 0) == (status == 0), f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def execute(self, text, status=0):
        return self.run("-e", text, status=status)


def expect(output, *words):
    for word in words:
        assert word in output, f"'{word}' is not in:\n{output}"


@check
def connect_and_show(shell):
    expect(shell.execute("SHOW VERSION"), "5.0.0")
    expect(shell.execute("SELECT key, release_version FROM system.local"), "local", "5.0.0", "(1 rows)")
    assert "WARNING" not in shell.execute("SELECT key FROM system.local")


@check
def make_write_and_read(shell):
    shell.execute("""
        CREATE KEYSPACE c WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
        CREATE TYPE c.address (street text, numbers frozen<list<int>>);
        CREATE TABLE c.t (id int, at timestamp, v text, tags set<text>, home frozen<address>, e vector<float, 3>, PRIMARY KEY (id, at));
        CREATE CUSTOM INDEX t_e ON c.t (e) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'cosine'};
        INSERT INTO c.t (id, at, v, tags, home, e) VALUES (1, '2024-05-06 07:08:09+0000', 'it''s', {'b', 'a'},
                                                           {street: 'Main', numbers: [1, 2]}, [1, 0.5, 0]);
        INSERT INTO c.t (id, at, e) VALUES (2, '2024-05-06', [0, 1, 0]);""")
    output = shell.execute("SELECT * FROM c.t")
    expect(output, "it's", "{'a', 'b'}", "street: 'Main'", "2024-05-06 07:08:09.000000+0000", "[1, 0.5, 0]", "null", "(2 rows)")
    expect(shell.execute("SELECT id FROM c.t ORDER BY e ANN OF [0, 1, 0.1] LIMIT 1"), "2", "(1 rows)")


@check
def system_tables_describe_themselves(shell):
    for table in ("system.local", "system.peers", "system.peers_v2", "system_schema.tables", "system_schema.columns", "system_schema.indexes"):
        shell.execute(f"SELECT * FROM {table}")
        expect(shell.execute(f"DESCRIBE TABLE {table}"), "CREATE TABLE " + table)


@check
def describe_and_replay(shell):
    expect(shell.execute("DESCRIBE KEYSPACES"), "c", "system")
    expect(shell.execute("DESCRIBE TABLES"), "t")
    text = shell.execute("DESCRIBE KEYSPACE c")
    expect(text, "CREATE KEYSPACE c", "CREATE TYPE c.address", "CREATE TABLE c.t", "e vector<float, 3>", "CREATE CUSTOM INDEX t_e ON c.t (e)")
    shell.execute("DROP KEYSPACE c")
    with tempfile.NamedTemporaryFile("w", suffix=".cql") as file:
        file.write(text)
        file.flush()
        shell.run("-f", file.name)
    equal(shell.execute("DESCRIBE KEYSPACE c"), text)


@check
def errors_are_told(shell):
    expect(shell.execute("SELEKT 1", status=1), "SyntaxException", "line 1:0")
    expect(shell.execute("SELECT * FROM c.nowhere", status=1), "InvalidRequest", "nowhere")


@check
def copy_out_and_in(shell):
    shell.execute("TRUNCATE c.t")
    shell.execute("INSERT INTO c.t (id, at, v, e) VALUES (7, '2024-01-01', 'seven', [1, 2, 3])")
    path = os.path.join(shell.home, "t.csv")
    expect(shell.execute(f"COPY c.t (id, at, v) TO '{path}'"), "1 rows exported")
    shell.execute("TRUNCATE c.t")
    expect(shell.execute(f"COPY c.t (id, at, v) FROM '{path}'"), "1 rows imported")
    expect(shell.execute("SELECT v FROM c.t WHERE id = 7"), "seven")


@check
def after_a_restart(shell):
    restart_server()
    expect(shell.execute("SELECT v FROM c.t WHERE id = 7"), "seven")


if __name__ == "__main__":
    args = arguments(cqlsh="cqlsh")
    run(Shell(args.cqlsh, args.port))
