/// What the driver knows of the cluster and of the schema, and how it hears of changes.
package conformance;

import static conformance.Checks.equal;
import static conformance.Checks.eventually;
import static conformance.Checks.holds;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.metadata.Metadata;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.NodeState;
import com.datastax.oss.driver.api.core.metadata.TokenMap;
import com.datastax.oss.driver.api.core.metadata.schema.ClusteringOrder;
import com.datastax.oss.driver.api.core.metadata.schema.ColumnMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.IndexKind;
import com.datastax.oss.driver.api.core.metadata.schema.IndexMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.KeyspaceMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.SchemaChangeListenerBase;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

final class SchemaChecks {
  static final List<String> SHOP = List.of(
      "CREATE TYPE shop.place (street text, numbers frozen<list<int>>)",
      "CREATE TYPE shop.person (name text, homes frozen<map<text, frozen<place>>>, \"Born\" date)",
      """
      CREATE TABLE shop.orders (region text, customer int, day date, seq int, note text static, marks set<text> static,
          buyer frozen<person>, target place, tags set<text>, parts map<text, frozen<list<int>>>, steps list<timestamp>,
          size tuple<int, text>, look vector<float, 3>, words vector<text, 2>, total decimal, "MixedCase" text, span duration,
          PRIMARY KEY ((region, customer), day, seq))
          WITH CLUSTERING ORDER BY (day DESC, seq ASC) AND comment = 'it''s orders' AND gc_grace_seconds = 100
          AND default_time_to_live = 100000 AND bloom_filter_fp_chance = 0.05 AND speculative_retry = '90p'
          AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': '64'}
          AND compression = {'class': 'ZstdCompressor', 'chunk_length_in_kb': '32'}
          AND caching = {'keys': 'ALL', 'rows_per_partition': '10'}""",
      "CREATE TABLE shop.counts (id int PRIMARY KEY, n counter)",
      "CREATE TABLE shop.\"OddName\" (\"K\" int PRIMARY KEY, \"select\" text)",
      "CREATE INDEX by_total ON shop.orders (total)",
      "CREATE INDEX by_parts ON shop.orders (keys(parts))",
      "CREATE INDEX by_tags ON shop.orders (tags) USING 'sai'",
      "CREATE CUSTOM INDEX by_mixed ON shop.orders (\"MixedCase\") USING 'StorageAttachedIndex' "
          + "WITH OPTIONS = {'case_sensitive': 'false', 'normalize': 'true'}",
      "CREATE CUSTOM INDEX by_look ON shop.orders (look) USING 'StorageAttachedIndex' "
          + "WITH OPTIONS = {'similarity_function': 'euclidean'}");

  private final Place place;
  private final CqlSession session;

  SchemaChecks(Place place, CqlSession session) {
    this.place = place;
    this.session = session;
  }

  void addTo(Checks checks) {
    checks.add("connection and cluster", this::cluster);
    checks.add("keyspace", this::keyspace);
    checks.add("table", this::table);
    checks.add("options of a table", this::options);
    checks.add("user types", this::userTypes);
    checks.add("indexes", this::indexes);
    checks.add("virtual tables", this::virtualTables);
    checks.add("tokens and replicas", this::tokens);
    checks.add("a description recreates the schema", this::descriptionRecreates);
    checks.add("the server's description recreates the schema", this::serverDescriptionRecreates);
    checks.add("own changes are seen at once", this::ownChanges);
    checks.add("changes by others are heard of", this::changesByOthers);
  }

  private KeyspaceMetadata shop() { return session.getMetadata().getKeyspace("shop").orElseThrow(); }

  private TableMetadata orders() { return shop().getTable("orders").orElseThrow(); }

  private void cluster() {
    equal(session.getContext().getProtocolVersion().name(), place.version());
    Metadata metadata = session.getMetadata();
    equal(metadata.getClusterName().orElseThrow(),
        session.execute("SELECT cluster_name FROM system.local").one().getString(0));
    equal(metadata.getNodes().size(), 1);
    Node node = metadata.getNodes().values().iterator().next();
    equal(node.getState(), NodeState.UP);
    equal(node.getDatacenter() + " " + node.getRack() + " " + node.getCassandraVersion(), "datacenter1 rack1 5.0.0");
    equal(node.getHostId(), session.execute("SELECT host_id FROM system.local").one().getUuid(0));
    equal(node.getSchemaVersion() != null, true);
    equal(session.checkSchemaAgreement(), true);
  }

  private void keyspace() {
    for (String statement : SHOP) session.execute(statement);
    equal(shop().isDurableWrites(), true);
    equal(shop().isVirtual(), false);
    equal(shop().getReplication(), Map.of("class", "org.apache.cassandra.locator.SimpleStrategy", "replication_factor", "1"));
    equal(names(shop().getTables().keySet()), List.of("OddName", "counts", "orders"));
    equal(shop().getViews().size() + shop().getFunctions().size() + shop().getAggregates().size(), 0);
  }

  private static List<String> names(Iterable<CqlIdentifier> identifiers) {
    List<String> names = new ArrayList<>();
    identifiers.forEach(identifier -> names.add(identifier.asInternal()));
    Collections.sort(names);
    return names;
  }

  private void table() {
    equal(orders().getPartitionKey().stream().map(c -> c.getName().asInternal() + " " + c.getType().asCql(true, true)).toList(),
        List.of("region text", "customer int"));
    equal(orders().getClusteringColumns().entrySet().stream().map(e -> e.getKey().getName() + " " + e.getValue()).toList(),
        List.of("day " + ClusteringOrder.DESC, "seq " + ClusteringOrder.ASC));
    equal(orders().getColumns().values().stream().map(SchemaChecks::described).toList(),
        List.of("region text", "customer int", "day date", "seq int", "MixedCase text", "buyer frozen<shop.person>",
            "look vector<float, 3>", "parts map<text, frozen<list<int>>>", "size frozen<tuple<int, text>>", "span duration",
            "steps list<timestamp>", "tags set<text>", "target shop.place", "total decimal", "words vector<text, 2>",
            "marks set<text> static", "note text static"));
    equal(orders().isCompactStorage(), false);
    equal(orders().getId().isPresent(), true);
    equal(described(shop().getTable("counts").orElseThrow().getColumn("n").orElseThrow()), "n counter");
  }

  private static String described(ColumnMetadata column) {
    return column.getName().asInternal() + " " + column.getType().asCql(true, true) + (column.isStatic() ? " static" : "");
  }

  private void options() {
    Map<CqlIdentifier, Object> options = orders().getOptions();
    equal(option(options, "comment"), "it's orders");
    equal(option(options, "gc_grace_seconds"), 100);
    equal(option(options, "default_time_to_live"), 100000);
    equal(option(options, "bloom_filter_fp_chance"), 0.05);
    equal(option(options, "speculative_retry"), "90p");
    equal(((Map<?, ?>) option(options, "compaction")).get("sstable_size_in_mb"), "64");
    equal(((Map<?, ?>) option(options, "compression")).get("chunk_length_in_kb"), "32");
    equal(option(options, "caching"), Map.of("keys", "ALL", "rows_per_partition", "10"));
  }

  private static Object option(Map<CqlIdentifier, Object> options, String name) {
    return options.get(CqlIdentifier.fromInternal(name));
  }

  private void userTypes() {
    UserDefinedType person = shop().getUserDefinedType("person").orElseThrow();
    equal(person.getFieldNames().stream().map(CqlIdentifier::asInternal).toList(), List.of("name", "homes", "Born"));
    equal(person.getFieldTypes().stream().map(type -> type.asCql(true, true)).toList(),
        List.of("text", "frozen<map<text, frozen<shop.place>>>", "date"));
    equal(orders().getColumn("buyer").orElseThrow().getType().equals(person.copy(true)), true);
  }

  private void indexes() {
    Map<CqlIdentifier, IndexMetadata> indexes = orders().getIndexes();
    equal(names(indexes.keySet()), List.of("by_look", "by_mixed", "by_parts", "by_tags", "by_total"));
    equal(indexes.get(CqlIdentifier.fromInternal("by_total")).getKind(), IndexKind.COMPOSITES);
    equal(index("by_total").getTarget() + " " + index("by_parts").getTarget(), "total keys(parts)");
    equal(index("by_tags").getKind() + " " + index("by_tags").getTarget(), "CUSTOM values(tags)");
    equal(index("by_tags").getClassName().orElseThrow(), "sai");
    equal(index("by_mixed").getOptions().get("case_sensitive"), "false");
    equal(index("by_mixed").getTarget(), "\"MixedCase\"");
    equal(index("by_look").getClassName().orElseThrow(), "StorageAttachedIndex");
    equal(index("by_look").getOptions().get("similarity_function"), "euclidean");
  }

  private IndexMetadata index(String name) { return orders().getIndex(name).orElseThrow(); }

  private void virtualTables() {
    try (CqlSession other = place.builder(place.options().withStringList(
        DefaultDriverOption.METADATA_SCHEMA_REFRESHED_KEYSPACES, List.of("system_virtual_schema", "system_schema"))).build()) {
      equal(names(other.getMetadata().getKeyspaces().keySet()), List.of("system_schema", "system_virtual_schema"));
      KeyspaceMetadata virtual = other.getMetadata().getKeyspace("system_virtual_schema").orElseThrow();
      equal(virtual.isVirtual() + " " + virtual.getTable("columns").orElseThrow().isVirtual(), "true true");
      equal(other.getMetadata().getKeyspace("system_schema").orElseThrow().isVirtual(), false);
    }
  }

  private void tokens() {
    TokenMap tokens = session.getMetadata().getTokenMap().orElseThrow();
    equal(tokens.getPartitionerName(), "org.apache.cassandra.dht.Murmur3Partitioner");
    session.execute("CREATE TABLE shop.placed (a text, b int, v int, PRIMARY KEY ((a, b)))");
    PreparedStatement insert = session.prepare("INSERT INTO shop.placed (a, b, v) VALUES (?, ?, 0)");
    for (String text : List.of("", "x", "häß, 日本", "a longer text that fills more than one block of the hash")) {
      BoundStatement bound = insert.bind(text, text.length());
      session.execute(bound);
      equal(bound.getRoutingKeyspace(), CqlIdentifier.fromInternal("shop"));
      Row row = session.execute("SELECT token(a, b) FROM shop.placed WHERE a = ? AND b = ?", text, text.length()).one();
      equal(row.getToken(0), tokens.newToken(bound.getRoutingKey()));
      equal(tokens.getReplicas("shop", bound.getRoutingKey()).size(), 1);
    }
    holds(!tokens.getTokenRanges().isEmpty(), "the ring has ranges");
  }

  /** The driver ends no custom index with a semicolon. */
  private void descriptionRecreates() { recreate(List.of(shop().describeWithChildren(true).split(";?\\s*\n(?=CREATE )|;\\s*$"))); }

  private void serverDescriptionRecreates() {
    recreate(session.execute("DESCRIBE KEYSPACE shop").all().stream().map(row -> row.getString("create_statement")).toList());
  }

  /** Drops the keyspace and creates it by `statements`; nothing is another then but the tables' ids. */
  private void recreate(List<String> statements) {
    String before = shop().describeWithChildren(true);
    List<String> told = told();
    Map<CqlIdentifier, ColumnMetadata> columns = orders().getColumns();
    Map<CqlIdentifier, IndexMetadata> indexes = orders().getIndexes();
    session.execute("DROP KEYSPACE shop");
    equal(session.getMetadata().getKeyspace("shop").isPresent(), false);
    for (String statement : statements) {
      if (!statement.isBlank()) session.execute(statement);
    }
    equal(shop().describeWithChildren(true), before);
    equal(told(), told);
    equal(orders().getColumns(), columns);
    equal(orders().getIndexes(), indexes);
  }

  /** The server's description, whose indexes come in the order of their creation. */
  private List<String> told() {
    return session.execute("DESCRIBE KEYSPACE shop").all().stream().map(Row::getFormattedContents).sorted().toList();
  }

  private void ownChanges() {
    session.execute("ALTER TABLE shop.orders ADD extra frozen<set<int>>");
    equal(described(orders().getColumn("extra").orElseThrow()), "extra frozen<set<int>>");
    session.execute("ALTER TABLE shop.orders DROP extra");
    equal(orders().getColumn("extra").isPresent(), false);
    session.execute("ALTER TYPE shop.place ADD zip int");
    equal(shop().getUserDefinedType("place").orElseThrow().getFieldNames().size(), 3);
    session.execute("ALTER TABLE shop.orders WITH comment = 'other'");
    equal(option(orders().getOptions(), "comment"), "other");
    session.execute("DROP INDEX shop.by_total");
    equal(orders().getIndex("by_total").isPresent(), false);
    session.execute("ALTER KEYSPACE shop WITH durable_writes = false");
    equal(shop().isDurableWrites(), false);
    session.execute("DROP TABLE shop.\"OddName\"");
    equal(shop().getTable("\"OddName\"").isPresent(), false);
  }

  /** Notes what it hears of. */
  private static final class Listener extends SchemaChangeListenerBase {
    final List<String> heard = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void onKeyspaceCreated(KeyspaceMetadata keyspace) { heard.add("created keyspace " + keyspace.getName()); }

    @Override
    public void onKeyspaceDropped(KeyspaceMetadata keyspace) { heard.add("dropped keyspace " + keyspace.getName()); }

    @Override
    public void onTableCreated(TableMetadata table) { heard.add("created table " + table.getName()); }

    @Override
    public void onTableUpdated(TableMetadata now, TableMetadata before) { heard.add("updated table " + now.getName()); }

    @Override
    public void onTableDropped(TableMetadata table) { heard.add("dropped table " + table.getName()); }

    @Override
    public void onUserDefinedTypeCreated(UserDefinedType type) { heard.add("created type " + type.getName()); }

    @Override
    public void onUserDefinedTypeDropped(UserDefinedType type) { heard.add("dropped type " + type.getName()); }
  }

  private void changesByOthers() throws Exception {
    Listener listener = new Listener();
    try (CqlSession other = place.builder(place.options()).addSchemaChangeListener(listener).build()) {
      hears(listener, "CREATE KEYSPACE heard WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "created keyspace heard");
      hears(listener, "CREATE TYPE heard.pair (a int, b int)", "created type pair");
      hears(listener, "CREATE TABLE heard.t (id int PRIMARY KEY, p pair)", "created table t");
      hears(listener, "ALTER TABLE heard.t ADD more text", "updated table t");
      equal(other.getMetadata().getKeyspace("heard").flatMap(k -> k.getTable("t")).orElseThrow().getColumn("more").isPresent(),
          true);
      listener.heard.clear();
      hears(listener, "CREATE INDEX by_more ON heard.t (more)", "updated table t");
      equal(other.getMetadata().getKeyspace("heard").flatMap(k -> k.getTable("t")).orElseThrow().getIndex("by_more").isPresent(),
          true);
      hears(listener, "DROP TABLE heard.t", "dropped table t");
      hears(listener, "DROP TYPE heard.pair", "dropped type pair");
      hears(listener, "DROP KEYSPACE heard", "dropped keyspace heard");
    }
  }

  private void hears(Listener listener, String statement, String wanted) throws Exception {
    session.execute(statement);
    eventually(() -> holds(listener.heard.contains(wanted), listener.heard));
  }
}
