/// Spring AI: the Cassandra vector store and the chat memory. usage: SpringAiSuite PORT
package conformance;

import static conformance.Checks.close;
import static conformance.Checks.equal;
import static conformance.Checks.eventually;
import static conformance.Checks.raises;
import static conformance.Checks.restartServer;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import com.datastax.oss.driver.api.core.type.DataTypes;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.springframework.ai.chat.memory.ChatMemoryRepository;
import org.springframework.ai.chat.memory.MessageWindowChatMemory;
import org.springframework.ai.chat.memory.repository.cassandra.CassandraChatMemoryRepository;
import org.springframework.ai.chat.memory.repository.cassandra.CassandraChatMemoryRepositoryConfig;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.Embedding;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.vectorstore.SearchRequest;
import org.springframework.ai.vectorstore.cassandra.CassandraVectorStore;
import org.springframework.ai.vectorstore.cassandra.CassandraVectorStore.SchemaColumn;
import org.springframework.ai.vectorstore.cassandra.CassandraVectorStore.SchemaColumnTags;

public class SpringAiSuite {
  static final List<String> DISHES = List.of("fish soup with pepper", "bean soup with bacon", "pea soup with mint", "fish pie with peas",
      "apple pie with cream", "bean salad with mint", "apple salad with nuts", "pepper steak");
  static final String QUESTION = "fish with pepper and peas";

  /** A word is a direction by its hash, a text the sum of its words at length 1. */
  static class HashedWords implements EmbeddingModel {
    static float[] of(String text) {
      double[] total = new double[32];
      for (String word : text.toLowerCase().split("\\s+")) {
        byte[] hash = sha256(word);
        for (int i = 0; i < total.length; ++i) total[i] += (hash[i] & 255) - 127.5;
      }
      double length = Math.sqrt(IntStream.range(0, total.length).mapToDouble(i -> total[i] * total[i]).sum());
      float[] unit = new float[total.length];
      for (int i = 0; i < unit.length; ++i) unit[i] = (float) (total[i] / length);
      return unit;
    }

    private static byte[] sha256(String word) {
      try {
        return MessageDigest.getInstance("SHA-256").digest(word.getBytes(StandardCharsets.UTF_8));
      } catch (java.security.NoSuchAlgorithmException impossible) {
        throw new IllegalStateException(impossible);
      }
    }

    @Override
    public EmbeddingResponse call(EmbeddingRequest request) {
      List<String> texts = request.getInstructions();
      return new EmbeddingResponse(IntStream.range(0, texts.size()).mapToObj(i -> new Embedding(of(texts.get(i)), i)).toList());
    }

    @Override
    public float[] embed(Document document) { return of(document.getText()); }
  }

  static double cosine(String a, String b) {
    float[] x = HashedWords.of(a), y = HashedWords.of(b);
    return IntStream.range(0, x.length).mapToDouble(i -> x[i] * y[i]).sum();
  }

  /** Those of DISHES that `wanted` takes, the most alike to QUESTION first, by comparing them all. */
  static List<String> nearest(Predicate<String> wanted, int k) {
    return DISHES.stream().filter(wanted).sorted(Comparator.comparingDouble(text -> -cosine(text, QUESTION))).limit(k).toList();
  }

  static boolean any(String text) { return true; }

  static String kind(String text) { return List.of("soup", "pie", "salad", "steak").stream().filter(text::contains).findFirst().get(); }

  final CqlSession session;

  SpringAiSuite(int port, Checks checks) {
    session = CqlSession.builder().addContactPoint(new InetSocketAddress("127.0.0.1", port)).withLocalDatacenter("datacenter1").build();
    checks.add("nearest documents in order, with scores", this::nearestDocuments);
    checks.add("filters by columns", this::filters);
    checks.add("filters that CQL has no word for", this::filtersWithoutCql);
    checks.add("a threshold", this::threshold);
    checks.add("documents written again", this::writtenAgain);
    checks.add("deletes by id and by filter", this::deletes);
    checks.add("a schema that is there is found valid", this::schemaThatIsThere);
    checks.add("columns added to a table that is there", this::columnsAdded);
    checks.add("keys of several columns", this::severalKeys);
    checks.add("similarity of the index", this::similarityOfTheIndex);
    checks.add("chat memory", this::chatMemory);
    checks.add("chat memory that expires", this::chatMemoryThatExpires);
    checks.add("answers after a restart", this::afterARestart);
  }

  CassandraVectorStore.Builder builder(String table) {
    return CassandraVectorStore.builder(new HashedWords()).session(session).keyspace("kitchen").table(table).addMetadataColumns(
        new SchemaColumn("kind", DataTypes.TEXT, SchemaColumnTags.INDEXED),
        new SchemaColumn("price", DataTypes.SMALLINT, SchemaColumnTags.INDEXED), new SchemaColumn("note", DataTypes.TEXT));
  }

  /** Indexes are named after columns, so tables that need their own live in keyspaces of their own. */
  CassandraVectorStore filled(String keyspace) {
    CassandraVectorStore store = builder("dishes").keyspace(keyspace).build();
    store.add(IntStream.range(0, DISHES.size()).mapToObj(i -> dish(DISHES.get(i), i)).toList());
    return store;
  }

  static Document dish(String text, int number) {
    return new Document("d" + number, text, Map.of("kind", kind(text), "price", (short) (10 * number), "note", "n" + number % 2));
  }

  static SearchRequest.Builder request(int k) { return SearchRequest.builder().query(QUESTION).topK(k).similarityThresholdAll(); }

  static List<String> texts(List<Document> documents) { return documents.stream().map(Document::getText).toList(); }

  static List<String> find(CassandraVectorStore store, int k, String filter) {
    return texts(store.similaritySearch(request(k).filterExpression(filter).build()));
  }

  static List<String> find(CassandraVectorStore store, int k) { return texts(store.similaritySearch(request(k).build())); }

  void nearestDocuments() {
    List<Document> found = filled("kitchen").similaritySearch(request(5).build());
    equal(texts(found), nearest(SpringAiSuite::any, 5));
    for (Document document : found) {
      close(document.getScore(), (1 + cosine(document.getText(), QUESTION)) / 2);
      equal(document.getMetadata().get("kind"), kind(document.getText()));
    }
  }

  void filters() {
    CassandraVectorStore store = builder("dishes").build();
    equal(find(store, 8, "kind == 'soup'"), nearest(text -> kind(text).equals("soup"), 8));
    equal(find(store, 8, "price >= 40 && price < 60"), nearest(text -> List.of(4, 5).contains(DISHES.indexOf(text)), 8));
    equal(find(store, 8, "kind == 'pie' && price > 30"), List.of("apple pie with cream"));
    equal(find(store, 8, "id == 'd7'"), List.of("pepper steak"));
    equal(find(store, 8, "note == 'n1'"), nearest(text -> DISHES.indexOf(text) % 2 == 1, 8));
    equal(find(store, 8, "kind == 'cake'"), List.of());
  }

  void filtersWithoutCql() throws Exception {
    CassandraVectorStore store = builder("dishes").build();
    raises(SyntaxError.class, () -> find(store, 8, "kind == 'soup' || price == 30"));
    raises(SyntaxError.class, () -> find(store, 8, "kind == 'soup' && (price == 0 || price == 10)"));
  }

  void threshold() {
    double third = (1 + cosine(nearest(SpringAiSuite::any, 3).get(2), QUESTION)) / 2;
    SearchRequest request = request(8).similarityThreshold(third - 1e-4).build();
    equal(texts(builder("dishes").build().similaritySearch(request)), nearest(SpringAiSuite::any, 3));
  }

  void writtenAgain() {
    CassandraVectorStore store = filled("rewritten");
    store.add(List.of(new Document("d0", "nothing at all", Map.of("kind", "none"))));
    equal(find(store, 8, "kind == 'none'"), List.of("nothing at all"));
    equal(find(store, 9).contains(DISHES.get(0)), false);
    equal(find(store, 9).size(), 8);
  }

  void deletes() {
    CassandraVectorStore store = filled("deleted");
    store.delete(List.of("d0", "d99"));
    equal(find(store, 8), nearest(text -> !text.equals(DISHES.get(0)), 8));
    store.delete("kind == 'soup'");
    equal(find(store, 8), nearest(text -> !kind(text).equals("soup"), 8));
  }

  void schemaThatIsThere() throws Exception {
    equal(find(builder("dishes").initializeSchema(false).build(), 1), nearest(SpringAiSuite::any, 1));
    raises(IllegalStateException.class, () -> builder("nowhere").initializeSchema(false).build());
    raises(IllegalStateException.class,
        () -> builder("dishes").addMetadataColumn(new SchemaColumn("colour", DataTypes.TEXT)).initializeSchema(false).build());
  }

  void columnsAdded() {
    session.execute("CREATE KEYSPACE grown WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    session.execute("CREATE TABLE grown.dishes (id text PRIMARY KEY, kind text)");
    equal(find(filled("grown"), 8), nearest(SpringAiSuite::any, 8));
  }

  static List<Object> keysOf(String id) {
    String[] parts = id.split("/");
    return List.of(parts[0], parts[1], Integer.parseInt(parts[2]));
  }

  /** Of no keys: an example, by which the store tests the two functions. */
  static String idOf(List<Object> keys) {
    return keys.isEmpty() ? "wiki/title/0" : String.join("/", keys.stream().map(String::valueOf).toList());
  }

  void severalKeys() {
    CassandraVectorStore store = CassandraVectorStore.builder(new HashedWords()).session(session).keyspace("pages").table("chunks")
        .partitionKeys(List.of(new SchemaColumn("wiki", DataTypes.TEXT), new SchemaColumn("title", DataTypes.TEXT)))
        .clusteringKeys(List.of(new SchemaColumn("chunk_no", DataTypes.INT, SchemaColumnTags.INDEXED)))
        .contentColumnName("body").embeddingColumnName("hashed").indexName("by_words")
        .addMetadataColumns(new SchemaColumn("revision", DataTypes.INT, SchemaColumnTags.INDEXED))
        .documentIdTranslator(SpringAiSuite::keysOf)
        .primaryKeyTranslator(SpringAiSuite::idOf).build();
    store.add(IntStream.range(0, 8).mapToObj(i -> new Document("cook/" + kind(DISHES.get(i)) + "/" + i, DISHES.get(i),
        Map.of("revision", 100 + i))).toList());
    equal(find(store, 8, "wiki == 'cook' && title == 'soup'"), nearest(text -> kind(text).equals("soup"), 8));
    equal(find(store, 8, "revision >= 104 && \"chunk_no\" < 6"), nearest(text -> List.of(4, 5).contains(DISHES.indexOf(text)), 8));
    store.delete(List.of("cook/steak/7"));
    List<Document> left = store.similaritySearch(request(8).build());
    equal(texts(left), nearest(text -> !kind(text).equals("steak"), 8));
    equal(left.get(0).getId(), "cook/" + kind(left.get(0).getText()) + "/" + DISHES.indexOf(left.get(0).getText()));
  }

  void similarityOfTheIndex() {
    session.execute("CREATE KEYSPACE round WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    session.execute("CREATE TABLE round.dishes (id text PRIMARY KEY, content text, embedding vector<float, 32>)");
    session.execute("CREATE CUSTOM INDEX dishes_embedding_idx ON round.dishes (embedding) USING 'SAI' "
        + "WITH OPTIONS = {'similarity_function': 'EUCLIDEAN'}");
    Document first = filled("round").similaritySearch(request(1).build()).get(0);
    equal(first.getText(), nearest(SpringAiSuite::any, 1).get(0));
    close(first.getScore(), 1 / (3 - 2 * cosine(first.getText(), QUESTION)));
  }

  CassandraChatMemoryRepositoryConfig.Builder memory(String keyspace) {
    return CassandraChatMemoryRepositoryConfig.builder().withCqlSession(session).withKeyspaceName(keyspace);
  }

  static List<String> said(List<Message> messages) { return messages.stream().map(m -> m.getMessageType() + " " + m.getText()).toList(); }

  void chatMemory() {
    ChatMemoryRepository repository = CassandraChatMemoryRepository.create(memory("chats").build());
    MessageWindowChatMemory memory = MessageWindowChatMemory.builder().chatMemoryRepository(repository).maxMessages(3).build();
    memory.add("first", List.of(new UserMessage("What is for dinner?"), new AssistantMessage("Soup — スープ.")));
    memory.add("second", new UserMessage("Hello"));
    equal(said(memory.get("first")), List.of("USER What is for dinner?", "ASSISTANT Soup — スープ."));
    memory.add("first", List.of(new UserMessage("Again?"), new AssistantMessage("Again.")));
    equal(said(memory.get("first")), List.of("ASSISTANT Soup — スープ.", "USER Again?", "ASSISTANT Again."));
    equal(repository.findConversationIds().stream().sorted().toList(), List.of("first", "second"));
    memory.clear("first");
    equal(said(memory.get("first")), List.of());
    equal(said(memory.get("second")), List.of("USER Hello"));
  }

  void chatMemoryThatExpires() throws Exception {
    ChatMemoryRepository repository = CassandraChatMemoryRepository.create(memory("mortal").withTimeToLive(Duration.ofSeconds(4)).build());
    repository.saveAll("short", List.of(new UserMessage("soon gone")));
    equal(said(repository.findByConversationId("short")), List.of("USER soon gone"));
    eventually(() -> equal(said(repository.findByConversationId("short")), List.of()));
  }

  void afterARestart() throws Exception {
    CassandraVectorStore store = builder("dishes").build();
    restartServer();
    eventually(() -> equal(find(store, 5), nearest(SpringAiSuite::any, 5)));
    equal(find(store, 8, "kind == 'soup'"), nearest(text -> kind(text).equals("soup"), 8));
  }

  public static void main(String[] arguments) {
    Checks checks = new Checks();
    new SpringAiSuite(Integer.parseInt(arguments[0]), checks);
    checks.run();
  }
}
