/// Values of every type, bound in every way and read back.
package conformance;

import static conformance.Checks.equal;
import static conformance.Checks.holds;
import static conformance.Checks.raises;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.ColumnDefinition;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.data.TupleValue;
import com.datastax.oss.driver.api.core.data.UdtValue;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.TupleType;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import com.datastax.oss.driver.api.core.type.reflect.GenericType;
import com.datastax.oss.driver.api.core.uuid.Uuids;
import com.datastax.oss.protocol.internal.util.Bytes;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

final class ValueChecks {
  private final Place place;
  private final CqlSession session;

  ValueChecks(Place place, CqlSession session) {
    this.place = place;
    this.session = session;
  }

  void addTo(Checks checks) {
    checks.add("every scalar there and back", this::scalars);
    checks.add("every scalar as a key", this::keys);
    checks.add("collections in collections", this::nestedCollections);
    checks.add("tuples and user types", this::tuplesAndUserTypes);
    checks.add("vectors of every element", this::vectors);
    checks.add("named, positional, unset and null", this::binds);
    checks.add("metadata of a prepared statement", this::preparedMetadata);
    checks.add("keyspace of a statement", this::keyspaceOfAStatement);
    checks.add("large values both ways", this::largeValues);
  }

  static Map<String, List<?>> scalarValues() throws Exception {
    Map<String, List<?>> values = new LinkedHashMap<>();
    values.put("ascii", List.of("", "plain"));
    values.put("bigint", List.of(Long.MIN_VALUE, Long.MAX_VALUE));
    values.put("blob", List.of(ByteBuffer.allocate(0), Bytes.fromHexString("0x00ff")));
    values.put("boolean", List.of(true, false));
    values.put("date", List.of(LocalDate.of(-5877641, 6, 23), LocalDate.of(1969, 1, 1), LocalDate.of(2024, 2, 29)));
    values.put("decimal", List.of(new BigDecimal("-1.50"), new BigDecimal("1E+20"), new BigDecimal("0.000001")));
    values.put("double", List.of(1.5, -0.0, Double.MAX_VALUE, Double.NaN, Double.NEGATIVE_INFINITY));
    values.put("float", List.of(0.5f, -3.25f, Float.MIN_VALUE, Float.NaN));
    values.put("inet", List.of(InetAddress.getByName("127.0.0.1"), InetAddress.getByName("2001:db8::1")));
    values.put("int", List.of(Integer.MIN_VALUE, Integer.MAX_VALUE));
    values.put("smallint", List.of(Short.MIN_VALUE, Short.MAX_VALUE));
    values.put("text", List.of("", "häß, 日本 '\uD83D\uDE00'"));
    values.put("time", List.of(LocalTime.MIDNIGHT, LocalTime.MAX));
    values.put("timestamp", List.of(Instant.ofEpochMilli(-1), Instant.ofEpochMilli(1714979289123L)));
    values.put("timeuuid", List.of(Uuids.timeBased()));
    values.put("tinyint", List.of(Byte.MIN_VALUE, Byte.MAX_VALUE));
    values.put("uuid", List.of(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff")));
    values.put("varchar", List.of("v"));
    values.put("varint", List.of(BigInteger.ZERO, BigInteger.valueOf(-129), BigInteger.TWO.pow(200)));
    values.put("duration", List.of(CqlDuration.newInstance(14, 3, 5), CqlDuration.newInstance(-1, -2, -3)));
    return values;
  }

  private void scalars() throws Exception {
    for (Map.Entry<String, List<?>> type : scalarValues().entrySet()) {
      String table = "shop.s_" + type.getKey();
      session.execute("CREATE TABLE " + table + " (id int PRIMARY KEY, v " + type.getKey() + ", l list<" + type.getKey() + ">)");
      PreparedStatement insert = session.prepare("INSERT INTO " + table + " (id, v, l) VALUES (?, ?, ?)");
      PreparedStatement select = session.prepare("SELECT v, l FROM " + table + " WHERE id = ?");
      for (int id = 0; id < type.getValue().size(); ++id) {
        Object value = type.getValue().get(id);
        session.execute(insert.bind(id, value, List.of(value, value)));
        Row row = session.execute(select.bind(id)).one();
        equal(row.getObject("v"), value);
        equal(row.getObject("l"), List.of(value, value));
      }
      session.execute(insert.bind(-1, null, null));
      Row row = session.execute(select.bind(-1)).one();
      equal(row.isNull("v") && row.isNull("l"), true);
    }
  }

  private void keys() throws Exception {
    for (Map.Entry<String, List<?>> type : scalarValues().entrySet()) {
      if (type.getKey().equals("duration")) continue;
      String table = "shop.k_" + type.getKey();
      session.execute("CREATE TABLE " + table + " (a " + type.getKey() + ", b " + type.getKey() + ", v int, PRIMARY KEY (a, b))");
      PreparedStatement insert = session.prepare("INSERT INTO " + table + " (a, b, v) VALUES (?, ?, ?)");
      PreparedStatement select = session.prepare("SELECT a, b, v FROM " + table + " WHERE a = ? AND b = ?");
      List<?> values = type.getValue().stream().filter(v -> !v.equals("") && !v.equals(ByteBuffer.allocate(0))).toList();
      for (int i = 0; i < values.size(); ++i) session.execute(insert.bind(values.get(0), values.get(i), i));
      for (int i = 0; i < values.size(); ++i) {
        BoundStatement bound = select.bind(values.get(0), values.get(i));
        holds(bound.getRoutingKey() != null, "the driver knows the key of the partition");
        Row row = session.execute(bound).one();
        equal(List.of(row.getObject(0), row.getInt(2)), List.of(values.get(0), i));
        equal(keyOf(row.getObject(1)), keyOf(values.get(i)));
      }
    }
  }

  /** Two decimals of different scales are one clustering key. */
  private static Object keyOf(Object value) { return value instanceof BigDecimal number ? number.stripTrailingZeros() : value; }

  private void nestedCollections() {
    session.execute("""
        CREATE TABLE shop.nested (id int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>,
            lm list<frozen<map<int, text>>>, ms map<text, frozen<set<double>>>, f frozen<list<frozen<list<frozen<set<int>>>>>>)""");
    PreparedStatement insert = session.prepare("INSERT INTO shop.nested (id, l, s, m, lm, ms, f) VALUES (?, ?, ?, ?, ?, ?, ?)");
    List<?> values = List.of(List.of(3, 1, 3), Set.of("b", "a"), Map.of("k", 1, "j", 2), List.of(Map.of(1, "x"), Map.of()),
        Map.of("one", Set.of(1.0), "two", Set.of(2.5, -2.5)), List.of(List.of(Set.of(1, 2), Set.of()), List.of()));
    BoundStatement bound = insert.bind().setInt("id", 1).setList("l", List.of(3, 1, 3), Integer.class)
        .setSet("s", Set.of("b", "a"), String.class).setMap("m", Map.of("k", 1, "j", 2), String.class, Integer.class)
        .set("lm", List.of(Map.of(1, "x"), Map.of()), new GenericType<List<Map<Integer, String>>>() {})
        .set("ms", Map.of("one", Set.of(1.0), "two", Set.of(2.5, -2.5)), new GenericType<Map<String, Set<Double>>>() {})
        .set("f", List.of(List.of(Set.of(1, 2), Set.<Integer>of()), List.<Set<Integer>>of()),
            new GenericType<List<List<Set<Integer>>>>() {});
    session.execute(bound);
    equal(valuesOf(session.execute("SELECT l, s, m, lm, ms, f FROM shop.nested WHERE id = 1").one()), values);
    session.execute("UPDATE shop.nested SET l = l + [4], l[0] = 0, s = s - {'a'}, m['n'] = 3 WHERE id = 1");
    session.execute(session.prepare("UPDATE shop.nested SET ms = ms + ? WHERE id = 1").bind(Map.of("three", Set.of(3.0))));
    Row row = session.execute("SELECT l, s, m, ms['three'] FROM shop.nested WHERE id = 1").one();
    equal(valuesOf(row), List.of(List.of(0, 1, 3, 4), Set.of("b"), Map.of("k", 1, "j", 2, "n", 3), Set.of(3.0)));
  }

  private static List<Object> valuesOf(Row row) { return IntStream.range(0, row.size()).mapToObj(row::getObject).toList(); }

  private void tuplesAndUserTypes() {
    session.execute("CREATE TYPE shop.point (x int, y int)");
    session.execute("CREATE TYPE shop.line (name text, points frozen<list<frozen<point>>>, box frozen<tuple<frozen<point>, text>>)");
    session.execute("CREATE TABLE shop.shapes (id int PRIMARY KEY, f frozen<line>, u line, t tuple<int, text, frozen<point>>)");
    PreparedStatement insert = session.prepare("INSERT INTO shop.shapes (id, f, u, t) VALUES (?, ?, ?, ?)");
    UserDefinedType line = (UserDefinedType) typeOf(insert, "f");
    UserDefinedType point = session.getMetadata().getKeyspace("shop").flatMap(k -> k.getUserDefinedType("point")).orElseThrow();
    UdtValue origin = point.newValue(0, 0);
    TupleType box = (TupleType) line.getFieldTypes().get(2);
    UdtValue value = line.newValue("diagonal", List.of(origin, point.newValue(1, 1)), box.newValue(origin, "unit"));
    TupleValue triple = ((TupleType) typeOf(insert, "t")).newValue(1, null, origin);
    session.execute(insert.bind(1, value, value, triple));
    Row row = session.execute("SELECT f, u, t, u.name FROM shop.shapes WHERE id = 1").one();
    equal(row.getUdtValue("f").getFormattedContents(), value.getFormattedContents());
    equal(row.getUdtValue("u").getFormattedContents(), value.getFormattedContents());
    equal(row.getTupleValue("t").getFormattedContents(), triple.getFormattedContents());
    equal(row.getString(3), "diagonal");
    session.execute("UPDATE shop.shapes SET u.name = 'other' WHERE id = 1");
    equal(session.execute("SELECT u FROM shop.shapes WHERE id = 1").one().getUdtValue(0).getString("name"), "other");
    // What was written before a type had a field has none.
    session.execute("ALTER TYPE shop.point ADD z int");
    UdtValue read = session.execute("SELECT t FROM shop.shapes WHERE id = 1").one().getTupleValue(0).getUdtValue(2);
    equal(read.getType().getFieldNames().stream().map(CqlIdentifier::asInternal).toList(), List.of("x", "y", "z"));
    equal(read.getInt("x") + " " + read.isNull("z"), "0 true");
  }

  private static DataType typeOf(PreparedStatement statement, String name) { return statement.getVariableDefinitions().get(name).getType(); }

  private void vectors() {
    session.execute("""
        CREATE TABLE shop.vectors (id int PRIMARY KEY, f vector<float, 3>, wide vector<float, 1536>, d vector<double, 2>,
            i vector<int, 2>, t vector<text, 2>, l vector<frozen<list<int>>, 2>)""");
    PreparedStatement insert = session.prepare("INSERT INTO shop.vectors (id, f, wide, d, i, t, l) VALUES (?, ?, ?, ?, ?, ?, ?)");
    Random random = new Random(7);
    List<Float> wide = random.doubles(1536, -1, 1).mapToObj(v -> (float) v).toList();
    List<CqlVector<?>> values = List.of(CqlVector.newInstance(1f, 2.5f, -3f), CqlVector.newInstance(wide),
        CqlVector.newInstance(0.1, -0.2), CqlVector.newInstance(7, -8), CqlVector.newInstance("", "häß"),
        CqlVector.newInstance(List.of(1, 2, 3), List.of(4)));
    session.execute(insert.bind(1, values.get(0), values.get(1), values.get(2), values.get(3), values.get(4), values.get(5)));
    Row row = session.execute("SELECT f, wide, d, i, t, l FROM shop.vectors WHERE id = 1").one();
    equal(valuesOf(row), values);
    equal(row.getColumnDefinitions().get(0).getType().asCql(true, false), "vector<float, 3>");
    equal(session.execute("SELECT f FROM shop.vectors WHERE id = 1").one().getVector(0, Float.class), values.get(0));
    session.execute("INSERT INTO shop.vectors (id, f) VALUES (2, ?)", CqlVector.newInstance(4f, 5f, 6f));
    equal(session.execute("SELECT f FROM shop.vectors WHERE id = 2").one().getVector(0, Float.class),
        CqlVector.newInstance(4f, 5f, 6f));
    raises(session, "INSERT INTO shop.vectors (id, f) VALUES (3, ?)", CqlVector.newInstance(1f, 2f));
  }

  private static void raises(CqlSession session, String statement, Object value) {
    try {
      Checks.raises(InvalidQueryException.class, () -> session.execute(statement, value));
    } catch (Exception other) {
      throw new AssertionError(other);
    }
  }

  private void binds() throws Exception {
    session.execute("CREATE TABLE shop.marks (id int PRIMARY KEY, a text, b text)");
    PreparedStatement named = session.prepare("INSERT INTO shop.marks (id, a, b) VALUES (:id, :x, :x2)");
    session.execute(named.bind().setInt("id", 1).setString("x", "kept").setString("x2", "too"));
    session.execute(named.bind().setInt("id", 1).setString("x2", "new"));
    session.execute(named.bind().setInt("id", 2).setString("x", "gone").setToNull("x2"));
    session.execute(named.bind(2, null, "there"));
    session.execute(SimpleStatement.newInstance("INSERT INTO shop.marks (id, a) VALUES (:id, :a)", Map.of("id", 3, "a", "it's")));
    session.execute(SimpleStatement.newInstance("INSERT INTO shop.marks (id, a, b) VALUES (?, ?, ?)", 4, "positional", null));
    equal(session.execute("SELECT id, a, b FROM shop.marks").all().stream().map(Row::getFormattedContents).sorted().toList(),
        List.of("[id:1, a:'kept', b:'new']", "[id:2, a:NULL, b:'there']", "[id:3, a:'it''s', b:NULL]",
            "[id:4, a:'positional', b:NULL]"));
    equal(session.execute(SimpleStatement.newInstance("SELECT id FROM shop.marks WHERE id IN ?", List.of(1, 3))).all().size(), 2);
    Checks.raises(InvalidQueryException.class, () -> session.execute("SELECT * FROM shop.marks WHERE id = ?"));
  }

  private void preparedMetadata() {
    PreparedStatement select = session.prepare("SELECT b, id AS key, ttl(a) FROM shop.marks WHERE id = ? AND a = :wanted ALLOW FILTERING");
    equal(names(select.getVariableDefinitions()), List.of("id int", "wanted text"));
    equal(select.getPartitionKeyIndices(), List.of(0));
    equal(names(select.getResultSetDefinitions()), List.of("b text", "key int", "ttl(a) int"));
    PreparedStatement again = session.prepare("SELECT b, id AS key, ttl(a) FROM shop.marks WHERE id = ? AND a = :wanted ALLOW FILTERING");
    equal(again.getId(), select.getId());
    PreparedStatement limited = session.prepare("SELECT id FROM shop.marks LIMIT ?");
    equal(names(limited.getVariableDefinitions()), List.of("[limit] int"));
    PreparedStatement timed = session.prepare("INSERT INTO shop.marks (id, a) VALUES (?, ?) USING TIMESTAMP ? AND TTL ?");
    equal(names(timed.getVariableDefinitions()), List.of("id int", "a text", "[timestamp] bigint", "[ttl] int"));
  }

  private static List<String> names(Iterable<ColumnDefinition> definitions) {
    return StreamSupport.stream(definitions.spliterator(), false)
        .map(definition -> definition.getName().asInternal() + " " + definition.getType().asCql(false, false)).toList();
  }

  private void keyspaceOfAStatement() {
    try (CqlSession other = place.builder(place.options()).withKeyspace("shop").build()) {
      equal(other.execute("SELECT a FROM marks WHERE id = 1").one().getString(0), "kept");
      if (place.isV5()) {
        SimpleStatement elsewhere = SimpleStatement.newInstance("SELECT key FROM local").setKeyspace("system");
        equal(other.execute(elsewhere).one().getString(0), "local");
        equal(other.execute(other.prepare(elsewhere).bind()).one().getString(0), "local");
      }
      other.execute("USE system");
      equal(other.execute("SELECT key FROM local").one().getString(0), "local");
    }
  }

  private void largeValues() {
    session.execute("CREATE TABLE shop.large (id int PRIMARY KEY, b blob, m map<int, text>)");
    PreparedStatement insert = session.prepare("INSERT INTO shop.large (id, b, m) VALUES (?, ?, ?)");
    byte[] noise = new byte[3_000_000];
    new Random(7).nextBytes(noise);
    Map<Integer, String> many = new LinkedHashMap<>();
    for (int i = 0; i < 20_000; ++i) many.put(i, "value " + i);
    for (int length : new int[] {0, 131_071, 131_072, noise.length}) {
      ByteBuffer blob = ByteBuffer.wrap(noise, 0, length);
      session.execute(insert.bind(length, blob, length == 0 ? many : Collections.emptyMap()));
      equal(session.execute("SELECT b FROM shop.large WHERE id = ?", length).one().getByteBuffer(0), blob);
    }
    equal(session.execute("SELECT m FROM shop.large WHERE id = 0").one().getMap(0, Integer.class, String.class), many);
  }
}
