/// What is found by an index, by nearness, or as JSON.
package conformance;

import static conformance.Checks.close;
import static conformance.Checks.equal;
import static conformance.Checks.holds;
import static conformance.Checks.raises;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import java.util.List;
import java.util.Map;
import java.util.Set;

final class SearchChecks {
  private final CqlSession session;

  SearchChecks(CqlSession session) { this.session = session; }

  void addTo(Checks checks) {
    checks.add("secondary indexes", this::secondaryIndexes);
    checks.add("nearest neighbours", this::nearestNeighbours);
    checks.add("nearest neighbours that pass a filter", this::filteredNeighbours);
    checks.add("warnings", this::warnings);
    checks.add("JSON", this::json);
    checks.add("aggregates, functions and aliases", this::aggregates);
  }

  private List<Integer> ids(String statement, Object... values) {
    PreparedStatement prepared = session.prepare(statement);
    return session.execute(prepared.bind(values)).all().stream().map(row -> row.getInt("id")).sorted().toList();
  }

  private void secondaryIndexes() {
    session.execute("CREATE TABLE shop.things (id int PRIMARY KEY, colour text, price int, tags set<text>, "
        + "prices map<text, int>, v vector<float, 3>)");
    for (String index : List.of("colour", "price", "tags", "entries(prices)")) {
      session.execute("CREATE INDEX ON shop.things (" + index + ") USING 'sai'");
    }
    session.execute("CREATE CUSTOM INDEX things_v ON shop.things (v) USING 'StorageAttachedIndex' "
        + "WITH OPTIONS = {'similarity_function': 'euclidean'}");
    PreparedStatement insert =
        session.prepare("INSERT INTO shop.things (id, colour, price, tags, prices, v) VALUES (?, ?, ?, ?, ?, ?)");
    for (int id = 0; id < 60; ++id) {
      session.execute(insert.bind(id, id % 2 == 0 ? "blue" : "red", id * 10, Set.of("t" + id % 5, "all"),
          Map.of("eur", id), CqlVector.newInstance((float) id, 1f, 0f)));
    }
    equal(ids("SELECT id FROM shop.things WHERE colour = ? AND price < ?", "red", 60), List.of(1, 3, 5));
    equal(ids("SELECT id FROM shop.things WHERE price >= ? AND price <= ?", 100, 120), List.of(10, 11, 12));
    equal(ids("SELECT id FROM shop.things WHERE tags CONTAINS ? AND price > ?", "t3", 450), List.of(48, 53, 58));
    equal(ids("SELECT id FROM shop.things WHERE prices[?] = ?", "eur", 33), List.of(33));
    BoundStatement all = session.prepare("SELECT id FROM shop.things WHERE tags CONTAINS 'all'").bind().setPageSize(7);
    equal(session.execute(all).all().stream().map(row -> row.getInt(0)).distinct().count(), 60L);
    session.execute("UPDATE shop.things SET colour = 'green' WHERE id = 1");
    equal(ids("SELECT id FROM shop.things WHERE colour = ? AND price < ?", "red", 60), List.of(3, 5));
    equal(ids("SELECT id FROM shop.things WHERE colour = ?", "green"), List.of(1));
  }

  private static final CqlVector<Float> PLACE = CqlVector.newInstance(10.2f, 1f, 0f);

  private void nearestNeighbours() throws Exception {
    PreparedStatement nearest = session.prepare(
        "SELECT id, similarity_euclidean(v, ?) AS score FROM shop.things ORDER BY v ANN OF ? LIMIT ?");
    List<Row> rows = session.execute(nearest.bind(PLACE, PLACE, 3)).all();
    equal(rows.stream().map(row -> row.getInt("id")).toList(), List.of(10, 11, 9));
    close(rows.get(0).getFloat("score"), 1 / 1.04);
    session.execute("DELETE FROM shop.things WHERE id = 10");
    equal(session.execute(nearest.bind(PLACE, PLACE, 2)).all().stream().map(row -> row.getInt("id")).toList(), List.of(11, 9));
    raises(InvalidQueryException.class, () -> session.execute("SELECT id FROM shop.things ORDER BY v ANN OF [1, 2] LIMIT 3"));
    raises(InvalidQueryException.class, () -> session.execute("SELECT id FROM shop.things ORDER BY v ANN OF [1, 2, 3]"));
  }

  private void filteredNeighbours() {
    PreparedStatement nearest = session.prepare("SELECT id FROM shop.things WHERE colour = ? AND price > ? ORDER BY v ANN OF ? LIMIT 3");
    equal(session.execute(nearest.bind("red", 100, PLACE)).all().stream().map(row -> row.getInt(0)).toList(), List.of(11, 13, 15));
    PreparedStatement tagged = session.prepare("SELECT id FROM shop.things WHERE tags CONTAINS ? ORDER BY v ANN OF ? LIMIT 2");
    equal(session.execute(tagged.bind("t2", PLACE)).all().stream().map(row -> row.getInt(0)).toList(), List.of(12, 7));
  }

  private void warnings() {
    String nearest = "SELECT id FROM shop.things ORDER BY v ANN OF [1, 2, 3] LIMIT 20";
    List<String> warnings =
        session.execute(SimpleStatement.newInstance(nearest).setPageSize(5)).getExecutionInfo().getWarnings();
    holds(warnings.size() == 1 && warnings.get(0).startsWith("Paging is not supported for Vector Search queries"), warnings);
    equal(session.execute("SELECT id FROM shop.things WHERE id = 1").getExecutionInfo().getWarnings(), List.of());
  }

  private void json() {
    session.execute("CREATE TABLE shop.documents (id int PRIMARY KEY, name text, parts list<int>, v vector<float, 2>)");
    String document = "{\"id\": 1, \"name\": \"häß \\\"x\\\"\", \"parts\": [1, 2], \"v\": [0.5, -1.0]}";
    session.execute(session.prepare("INSERT INTO shop.documents JSON ?").bind(document));
    equal(session.execute("SELECT JSON id, name, parts, v FROM shop.documents").one().getString("[json]"), document);
    session.execute("INSERT INTO shop.documents JSON '{\"id\": 1, \"name\": \"new\"}' DEFAULT UNSET");
    Row row = session.execute("SELECT name, toJson(parts), v FROM shop.documents WHERE id = 1").one();
    equal(row.getString(0) + " " + row.getString(1), "new [1, 2]");
    equal(row.getVector(2, Float.class), CqlVector.newInstance(0.5f, -1f));
  }

  private void aggregates() {
    Row row = session.execute("SELECT count(*) AS n, min(price) AS low, max(price), sum(price), avg(price), "
        + "CAST(sum(price) AS double) AS total FROM shop.things WHERE id IN (1, 2, 3)").one();
    equal(row.getFormattedContents(), "[n:3, low:10, \"system.max(price)\":30, \"system.sum(price)\":60, "
        + "\"system.avg(price)\":20, total:60.0]");
    equal(session.execute("SELECT id + 1 AS next FROM shop.things WHERE id = 5").one().getInt("next"), 6);
  }
}
