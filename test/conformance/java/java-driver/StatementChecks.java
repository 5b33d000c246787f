/// What a statement carries beside its values, and what comes with its answer.
package conformance;

import static conformance.Checks.equal;
import static conformance.Checks.holds;
import static conformance.Checks.raises;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PagingState;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.QueryTrace;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.servererrors.AlreadyExistsException;
import com.datastax.oss.driver.api.core.servererrors.InvalidConfigurationInQueryException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

final class StatementChecks {
  private static final int ROWS = 1000;

  private final Place place;
  private final CqlSession session;

  StatementChecks(Place place, CqlSession session) {
    this.place = place;
    this.session = session;
  }

  void addTo(Checks checks) {
    checks.add("paging", this::paging);
    checks.add("a page resumed by another session", this::pageResumed);
    checks.add("pages asked for one by one", this::asynchronousPages);
    checks.add("batches", this::batches);
    checks.add("warnings of a large batch", this::warnings);
    checks.add("counters", this::counters);
    checks.add("conditional statements", this::conditional);
    checks.add("conditional batches", this::conditionalBatches);
    checks.add("timestamps", this::timestamps);
    checks.add("time to live", this::timeToLive);
    checks.add("consistencies", this::consistencies);
    checks.add("tracing", this::tracing);
    checks.add("errors by class", this::errors);
  }

  private void paging() {
    session.execute("CREATE TABLE shop.paged (p int, k int, v text, PRIMARY KEY (p, k))");
    PreparedStatement insert = session.prepare("INSERT INTO shop.paged (p, k, v) VALUES (?, ?, 'xxxxxxxxxxxxxxxx')");
    IntStream.range(0, ROWS).mapToObj(i -> session.executeAsync(insert.bind(i % 7, i)).toCompletableFuture()).toList()
        .forEach(written -> written.join());
    for (int size : new int[] {1, 37, 5000}) {
      Set<Integer> seen = new HashSet<>();
      int rows = 0;
      for (Row row : session.execute(SimpleStatement.newInstance("SELECT p, k FROM shop.paged").setPageSize(size))) {
        seen.add(row.getInt("k"));
        ++rows;
      }
      equal(rows + " " + seen.size(), ROWS + " " + ROWS);
    }
    equal(session.execute(SimpleStatement.newInstance("SELECT k FROM shop.paged LIMIT 120").setPageSize(50)).all().size(), 120);
    equal(keys(session, SimpleStatement.newInstance("SELECT DISTINCT p FROM shop.paged").setPageSize(2)).size(), 7);
    equal(keys(session, SimpleStatement.newInstance("SELECT p, count(*) FROM shop.paged GROUP BY p").setPageSize(2)).size(), 7);
  }

  private static List<Integer> keys(CqlSession session, SimpleStatement statement) {
    return session.execute(statement).all().stream().map(row -> row.getInt(0)).toList();
  }

  private static List<Integer> descending() {
    return IntStream.range(0, ROWS).map(i -> ROWS - 1 - i).filter(i -> i % 7 == 3).boxed().toList();
  }

  private void pageResumed() {
    SimpleStatement statement = SimpleStatement.newInstance("SELECT k FROM shop.paged WHERE p = 3 ORDER BY k DESC").setPageSize(10);
    ResultSet first = session.execute(statement);
    List<Integer> keys = new ArrayList<>();
    for (int left = first.getAvailableWithoutFetching(); left > 0; --left) keys.add(first.one().getInt(0));
    equal(keys.size(), 10);
    String state = first.getExecutionInfo().getSafePagingState().toString();
    try (CqlSession other = place.connect()) {
      keys.addAll(keys(other, statement.setPagingState(PagingState.fromString(state))));
    }
    equal(keys, descending());
  }

  private void asynchronousPages() {
    PreparedStatement select = session.prepare("SELECT k FROM shop.paged WHERE p = ? ORDER BY k DESC");
    AsyncResultSet page = session.executeAsync(select.bind(3).setPageSize(20)).toCompletableFuture().join();
    List<Integer> keys = new ArrayList<>();
    for (;; page = page.fetchNextPage().toCompletableFuture().join()) {
      page.currentPage().forEach(row -> keys.add(row.getInt(0)));
      holds(page.remaining() <= 20, "a page is no larger than asked for");
      if (!page.hasMorePages()) break;
    }
    equal(keys, descending());
  }

  private void batches() {
    session.execute("CREATE TABLE shop.batched (p int, k int, v text, PRIMARY KEY (p, k))");
    PreparedStatement insert = session.prepare("INSERT INTO shop.batched (p, k, v) VALUES (?, ?, ?)");
    for (BatchType type : new BatchType[] {DefaultBatchType.LOGGED, DefaultBatchType.UNLOGGED}) {
      BatchStatementBuilder batch = BatchStatement.builder(type);
      for (int i = 0; i < 100; ++i) batch.addStatement(insert.bind(i % 3, i, type.toString()));
      batch.addStatement(SimpleStatement.newInstance("DELETE FROM shop.batched WHERE p = 0 AND k = 0"));
      batch.addStatement(SimpleStatement.newInstance("UPDATE shop.batched SET v = ? WHERE p = ? AND k = ?", "simple", 1, 1));
      session.execute(batch.build());
      equal(session.execute("SELECT count(*) FROM shop.batched").one().getLong(0), 99L);
      equal(session.execute("SELECT v FROM shop.batched WHERE p = 1 AND k = 1").one().getString(0), "simple");
      equal(session.execute("SELECT v FROM shop.batched WHERE p = 2 AND k = 2").one().getString(0), type.toString());
    }
    session.execute(BatchStatement.newInstance(DefaultBatchType.LOGGED, insert.bind(9, 9, "timed")).setQueryTimestamp(1234));
    equal(session.execute("SELECT writetime(v) FROM shop.batched WHERE p = 9").one().getLong(0), 1234L);
  }

  private void warnings() {
    PreparedStatement insert = session.prepare("INSERT INTO shop.batched (p, k, v) VALUES (?, ?, ?)");
    BatchStatementBuilder batch = BatchStatement.builder(DefaultBatchType.UNLOGGED);
    for (int i = 0; i < 100; ++i) batch.addStatement(insert.bind(100 + i, i, "x".repeat(200)));
    equal(session.execute(batch.build()).getExecutionInfo().getWarnings(), List.of(
        "Batch for [shop.batched] is of size 27400, exceeding specified threshold of 5120 by 22280.",
        "Unlogged batch covering 100 partitions detected against table [shop.batched]. You should use a logged batch for "
            + "atomicity, or asynchronous writes for performance."));
  }

  private void counters() throws Exception {
    session.execute("CREATE TABLE shop.counted (id int PRIMARY KEY, n counter)");
    PreparedStatement add = session.prepare("UPDATE shop.counted SET n = n + ? WHERE id = ?");
    BatchStatement batch = BatchStatement.newInstance(DefaultBatchType.COUNTER, add.bind(5L, 1), add.bind(-2L, 1), add.bind(7L, 2));
    session.execute(batch);
    session.execute(batch);
    equal(session.execute("SELECT n FROM shop.counted WHERE id = 1").one().getLong(0), 6L);
    equal(session.execute("SELECT n FROM shop.counted WHERE id = 2").one().getLong(0), 14L);
    raises(InvalidQueryException.class,
        () -> session.execute(BatchStatement.newInstance(DefaultBatchType.LOGGED, add.bind(1L, 1))));
  }

  private static String applied(ResultSet result) {
    return result.wasApplied() + " " + result.one().getFormattedContents();
  }

  private void conditional() {
    session.execute("CREATE TABLE shop.locks (id int PRIMARY KEY, owner text, n int, tags set<text>)");
    PreparedStatement take = session.prepare("INSERT INTO shop.locks (id, owner, n) VALUES (?, ?, 0) IF NOT EXISTS");
    equal(applied(session.execute(take.bind(1, "ann"))), "true [\"[applied]\":true]");
    equal(applied(session.execute(take.bind(1, "bob"))), "false [\"[applied]\":false, id:1, n:0, owner:'ann', tags:{}]");
    PreparedStatement pass = session.prepare("UPDATE shop.locks SET owner = ?, n = 1 WHERE id = ? IF owner = ? AND n < ?");
    equal(applied(session.execute(pass.bind("bob", 1, "carl", 5))), "false [\"[applied]\":false, owner:'ann', n:0]");
    equal(applied(session.execute(pass.bind("bob", 1, "ann", 5).setSerialConsistencyLevel(DefaultConsistencyLevel.LOCAL_SERIAL))),
        "true [\"[applied]\":true]");
    for (ConsistencyLevel level : List.of(DefaultConsistencyLevel.SERIAL, DefaultConsistencyLevel.LOCAL_SERIAL)) {
      SimpleStatement read = SimpleStatement.newInstance("SELECT owner FROM shop.locks WHERE id = 1").setConsistencyLevel(level);
      equal(session.execute(read).one().getString(0), "bob");
    }
    equal(applied(session.execute("DELETE FROM shop.locks WHERE id = 7 IF EXISTS")), "false [\"[applied]\":false]");
    equal(applied(session.execute("DELETE FROM shop.locks WHERE id = 1 IF owner IN ('bob', 'x')")), "true [\"[applied]\":true]");
    equal(session.execute("UPDATE shop.locks SET owner = 'x' WHERE id = 8").wasApplied(), true);
  }

  private void conditionalBatches() {
    session.execute("CREATE TABLE shop.seats (show int, seat int, guest text, sold int static, PRIMARY KEY (show, seat))");
    session.execute("INSERT INTO shop.seats (show, sold) VALUES (1, 0)");
    PreparedStatement sell = session.prepare("UPDATE shop.seats SET sold = ? WHERE show = ? IF sold = ?");
    PreparedStatement seat = session.prepare("INSERT INTO shop.seats (show, seat, guest) VALUES (?, ?, ?) IF NOT EXISTS");
    BatchStatement batch = BatchStatement.newInstance(DefaultBatchType.LOGGED, sell.bind(1, 1, 0), seat.bind(1, 5, "ann"));
    equal(session.execute(batch).wasApplied(), true);
    ResultSet refused = session.execute(batch);
    equal(refused.wasApplied(), false);
    equal(refused.all().stream().map(row -> row.getInt("sold")).distinct().toList(), List.of(1));
  }

  private void timestamps() {
    session.execute("CREATE TABLE shop.timed (id int PRIMARY KEY, v text)");
    SimpleStatement insert = SimpleStatement.newInstance("INSERT INTO shop.timed (id, v) VALUES (1, 'late')");
    session.execute(insert.setQueryTimestamp(2_000_000_000_000_000L));
    session.execute(SimpleStatement.newInstance("INSERT INTO shop.timed (id, v) VALUES (1, 'early')").setQueryTimestamp(1_000));
    Row row = session.execute("SELECT v, writetime(v) FROM shop.timed WHERE id = 1").one();
    equal(row.getString(0) + " " + row.getLong(1), "late 2000000000000000");
    // The driver's own timestamps rise, so that the last of many writes wins.
    for (int i = 0; i < 200; ++i) session.execute("INSERT INTO shop.timed (id, v) VALUES (2, ?)", "v" + i);
    equal(session.execute("SELECT v FROM shop.timed WHERE id = 2").one().getString(0), "v199");
  }

  private void timeToLive() {
    PreparedStatement insert = session.prepare("INSERT INTO shop.timed (id, v) VALUES (?, ?) USING TTL ?");
    session.execute(insert.bind(3, "mortal", 100));
    int left = session.execute("SELECT ttl(v) FROM shop.timed WHERE id = 3").one().getInt(0);
    holds(left > 90 && left <= 100, left);
    if (!place.isV5()) return;
    SimpleStatement select = SimpleStatement.newInstance("SELECT ttl(v) FROM shop.timed WHERE id = 3");
    int now = (int) (System.currentTimeMillis() / 1000);
    left = session.execute(select.setNowInSeconds(now + 50)).one().getInt(0);
    holds(left > 40 && left <= 51, left);
    equal(session.execute(select.setNowInSeconds(now + 200)).one(), null);
  }

  private void consistencies() {
    for (DefaultConsistencyLevel level : DefaultConsistencyLevel.values()) {
      if (level.isSerial() || level == DefaultConsistencyLevel.TWO || level == DefaultConsistencyLevel.THREE) continue;
      SimpleStatement insert = SimpleStatement.newInstance("INSERT INTO shop.timed (id, v) VALUES (4, ?)", level.name());
      session.execute(insert.setConsistencyLevel(level));
      if (level == DefaultConsistencyLevel.ANY || level == DefaultConsistencyLevel.EACH_QUORUM) continue;
      SimpleStatement select = SimpleStatement.newInstance("SELECT v FROM shop.timed WHERE id = 4");
      equal(session.execute(select.setConsistencyLevel(level)).one().getString(0), level.name());
    }
  }

  private void tracing() {
    ResultSet result = session.execute(SimpleStatement.newInstance("SELECT * FROM shop.paged WHERE p = 3").setTracing(true));
    holds(result.getExecutionInfo().getTracingId() != null, "a traced statement has a trace");
    QueryTrace trace = result.getExecutionInfo().getQueryTrace();
    equal(trace.getTracingId(), result.getExecutionInfo().getTracingId());
    equal(trace.getParameters().get("query"), "SELECT * FROM shop.paged WHERE p = 3");
    equal(trace.getCoordinatorAddress().getAddress().getHostAddress(), "127.0.0.1");
    holds(!trace.getRequestType().isEmpty() && trace.getStartedAt() > 0 && trace.getDurationMicros() > 0, trace.getRequestType());
    holds(!trace.getEvents().isEmpty() && !trace.getEvents().get(0).getActivity().isEmpty(), "a trace has steps");
    PreparedStatement insert = session.prepare("INSERT INTO shop.timed (id, v) VALUES (?, ?)");
    QueryTrace write = session.execute(insert.bind(5, "traced").setTracing(true)).getExecutionInfo().getQueryTrace();
    holds(!write.getEvents().isEmpty(), "a traced write has steps");
    equal(session.execute("SELECT v FROM shop.timed WHERE id = 5").getExecutionInfo().getTracingId(), null);
  }

  private void errors() throws Exception {
    holds(refused(SyntaxError.class, "SELEKT 1").contains("line 1:0"), "a syntax error names its place");
    for (String statement : List.of("SELECT * FROM shop.nowhere", "SELECT nope FROM shop.timed", "SELECT * FROM nowhere.t",
        "INSERT INTO shop.timed (v) VALUES ('x')", "SELECT * FROM shop.timed WHERE v = 'x'", "INSERT INTO shop.timed (id) VALUES ('x')",
        "UPDATE shop.timed SET v = 1 WHERE id = 1", "SELECT count(id, v) FROM shop.timed")) {
      refused(InvalidQueryException.class, statement);
      raises(InvalidQueryException.class, () -> session.prepare(statement));
    }
    AlreadyExistsException table = raises(AlreadyExistsException.class,
        () -> session.execute("CREATE TABLE shop.timed (id int PRIMARY KEY)"));
    holds(table.getMessage().contains("shop.timed"), table.getMessage());
    refused(AlreadyExistsException.class,
        "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    refused(InvalidConfigurationInQueryException.class, "CREATE KEYSPACE odd WITH replication = {'class': 'NoSuchStrategy'}");
    equal(session.execute("CREATE TABLE IF NOT EXISTS shop.timed (id int PRIMARY KEY)").wasApplied(), true);
  }

  private <T extends Exception> String refused(Class<T> kind, String statement) throws Exception {
    return raises(kind, () -> session.execute(statement)).getMessage();
  }
}
