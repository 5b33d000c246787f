/// Many requests at a time, and a server that changes or goes away under open sessions.
package conformance;

import static conformance.Checks.crashServer;
import static conformance.Checks.equal;
import static conformance.Checks.eventually;
import static conformance.Checks.holds;
import static conformance.Checks.raises;
import static conformance.Checks.restartServer;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.NodeState;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

final class LifeChecks {
  private static final int REQUESTS = 5000;
  private static final int IN_FLIGHT = 256;

  private final Place place;
  private final CqlSession session;

  LifeChecks(Place place, CqlSession session) {
    this.place = place;
    this.session = session;
  }

  void addTo(Checks checks) {
    checks.add("256 requests in flight on one connection", this::manyInFlight);
    checks.add("speculative executions", this::speculativeExecutions);
    checks.add("a prepared statement sees columns added", this::columnsAdded);
    checks.add("a prepared statement outlives its table", this::tableDropped);
    checks.add("a session without schema metadata", this::withoutSchema);
    checks.add("a restart under an open session", this::restart);
    checks.add("no acknowledged write is lost by a crash", this::crash);
  }

  /** Runs `execute` of 0..REQUESTS, at most IN_FLIGHT at a time; returns how many were in flight at most. */
  private int flood(IntFunction<CompletionStage<?>> execute) throws InterruptedException {
    Semaphore free = new Semaphore(IN_FLIGHT);
    int most = 0;
    CompletableFuture<?>[] all = new CompletableFuture<?>[REQUESTS];
    for (int i = 0; i < REQUESTS; ++i) {
      free.acquire();
      all[i] = execute.apply(i).whenComplete((done, error) -> free.release()).toCompletableFuture();
      most = Math.max(most, IN_FLIGHT - free.availablePermits());
    }
    CompletableFuture.allOf(all).join();
    return most;
  }

  private void manyInFlight() throws Exception {
    session.execute("CREATE TABLE shop.flood (id int PRIMARY KEY, v text)");
    PreparedStatement insert = session.prepare("INSERT INTO shop.flood (id, v) VALUES (?, ?)");
    PreparedStatement select = session.prepare("SELECT v FROM shop.flood WHERE id = ?");
    equal(session.getMetadata().getNodes().values().iterator().next().getOpenConnections(), 2);
    flood(i -> session.executeAsync(insert.bind(i, "v" + i)));
    Map<Integer, String> seen = new ConcurrentHashMap<>();
    int most = flood(i -> session.executeAsync(select.bind(i)).thenAccept(rows -> seen.put(i, rows.one().getString(0))));
    equal(most, IN_FLIGHT);
    equal(seen, IntStream.range(0, REQUESTS).boxed().collect(Collectors.toMap(i -> i, i -> "v" + i)));
  }

  private void speculativeExecutions() throws Exception {
    try (CqlSession eager = place.builder(place.options()
        .withString(DefaultDriverOption.SPECULATIVE_EXECUTION_POLICY_CLASS, "ConstantSpeculativeExecutionPolicy")
        .withInt(DefaultDriverOption.SPECULATIVE_EXECUTION_MAX, 3)
        .withDuration(DefaultDriverOption.SPECULATIVE_EXECUTION_DELAY, Duration.ofMillis(1))).build()) {
      PreparedStatement insert = eager.prepare("INSERT INTO shop.flood (id, v) VALUES (?, 'eager')");
      flood(i -> eager.executeAsync(insert.bind(i).setIdempotent(true)));
      equal(eager.execute("SELECT count(*) FROM shop.flood WHERE v = 'eager' ALLOW FILTERING").one().getLong(0), (long) REQUESTS);
    }
  }

  private void columnsAdded() {
    session.execute("CREATE TABLE shop.grown (id int PRIMARY KEY, a int)");
    PreparedStatement select = session.prepare("SELECT * FROM shop.grown WHERE id = ?");
    session.execute("INSERT INTO shop.grown (id, a) VALUES (1, 1)");
    equal(session.execute(select.bind(1)).one().getFormattedContents(), "[id:1, a:1]");
    session.execute("ALTER TABLE shop.grown ADD b int");
    session.execute("UPDATE shop.grown SET b = 2 WHERE id = 1");
    Row row = session.execute(select.bind(1)).one();
    equal(row.getInt("id") + " " + row.getInt("a"), "1 1");
    if (place.isV5()) equal(row.getInt("b"), 2);
  }

  private void tableDropped() throws Exception {
    PreparedStatement select = session.prepare("SELECT a FROM shop.grown WHERE id = ?");
    session.execute("DROP TABLE shop.grown");
    raises(InvalidQueryException.class, () -> session.execute(select.bind(1)));
    session.execute("CREATE TABLE shop.grown (id int PRIMARY KEY, a int)");
    session.execute("INSERT INTO shop.grown (id, a) VALUES (1, 5)");
    equal(session.execute(select.bind(1)).one().getInt(0), 5);
  }

  private void withoutSchema() {
    try (CqlSession other =
        place.builder(place.options().withBoolean(DefaultDriverOption.METADATA_SCHEMA_ENABLED, false)).build()) {
      equal(other.getMetadata().getKeyspaces().isEmpty(), true);
      equal(other.execute("SELECT v FROM shop.flood WHERE id = 3").one().getString(0), "eager");
      other.setSchemaMetadataEnabled(true);
      equal(other.refreshSchema().getKeyspace("shop").isPresent(), true);
    }
  }

  private void restart() throws Exception {
    session.execute("CREATE TABLE shop.kept (id int PRIMARY KEY, t text)");
    PreparedStatement insert = session.prepare("INSERT INTO shop.kept (id, t) VALUES (?, ?)");
    session.execute(insert.bind(1, "before"));
    restartServer();
    eventually(() -> equal(session.execute("SELECT t FROM shop.kept WHERE id = 1").one().getString(0), "before"));
    session.execute(insert.bind(2, "after"));
    equal(session.execute("SELECT id FROM shop.kept").all().stream().map(row -> row.getInt(0)).collect(Collectors.toSet()), Set.of(1, 2));
    Node node = session.getMetadata().getNodes().values().iterator().next();
    eventually(() -> equal(node.getState(), NodeState.UP));
    // The control connection is there again when it hears of a change by another.
    try (CqlSession other = place.connect()) {
      other.execute("ALTER TABLE shop.kept ADD more int");
    }
    eventually(() -> holds(session.getMetadata().getKeyspace("shop").flatMap(k -> k.getTable("kept")).orElseThrow()
        .getColumn("more").isPresent(), "a change is heard of after a restart"));
  }

  private void crash() throws Exception {
    PreparedStatement insert = session.prepare("INSERT INTO shop.kept (id, t) VALUES (?, ?)");
    for (int i = 10; i < 110; ++i) session.execute(insert.bind(i, "t" + i));
    PreparedStatement select = session.prepare("SELECT t FROM shop.kept WHERE id = ?");
    crashServer();
    eventually(() -> equal(session.execute(select.bind(10)).one().getString(0), "t10"));
    for (int i = 10; i < 110; ++i) equal(session.execute(select.bind(i)).one().getString(0), "t" + i);
  }
}
