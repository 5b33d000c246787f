/// What the Java suites share: a check is a method; each prints one line, 'ok NAME' or 'FAIL NAME', and runs even if
/// one before it failed.
package conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;

final class Checks {
  private static final BufferedReader RUNNER = new BufferedReader(new InputStreamReader(System.in));

  private final Map<String, Body> bodies = new LinkedHashMap<>();

  /** What a check does. */
  interface Body {
    void run() throws Exception;
  }

  void add(String name, Body body) { bodies.put(name, body); }

  /** Runs them in the order they were added and ends the process, with status 1 if one failed. */
  void run() {
    int failed = 0;
    for (Map.Entry<String, Body> check : bodies.entrySet()) failed += passes(check.getKey(), check.getValue()) ? 0 : 1;
    // Drivers keep threads.
    System.exit(failed == 0 ? 0 : 1);
  }

  private static boolean passes(String name, Body body) {
    try {
      body.run();
      System.out.println("ok " + name);
      return true;
    } catch (Exception | AssertionError error) {
      System.out.println("FAIL " + name);
      error.printStackTrace(System.out);
      return false;
    }
  }

  static void equal(Object got, Object wanted) {
    if (!Objects.equals(got, wanted)) throw new AssertionError("got " + got + ", wanted " + wanted);
  }

  static void holds(boolean condition, Object what) {
    if (!condition) throw new AssertionError(what);
  }

  static void close(double got, double wanted) {
    if (Math.abs(got - wanted) > 1e-5) throw new AssertionError("got " + got + ", wanted " + wanted);
  }

  /** The exception of class `kind` that body() raises. */
  static <T extends Exception> T raises(Class<T> kind, Callable<?> body) throws Exception {
    Object answer;
    try {
      answer = body.call();
    } catch (Exception error) {
      if (kind.isInstance(error)) return kind.cast(error);
      throw error;
    }
    throw new AssertionError("expected " + kind.getSimpleName() + ", got " + answer);
  }

  /** Returns once body() raises nothing. */
  static void eventually(Body body) throws Exception {
    for (long deadline = System.nanoTime() + 60_000_000_000L;;) {
      try {
        body.run();
        return;
      } catch (Exception | AssertionError error) {
        if (System.nanoTime() > deadline) throw error;
        Thread.sleep(100);
      }
    }
  }

  static void restartServer() throws IOException { askRunner("@restart"); }

  /** Kills the server and starts it again on the same data. */
  static void crashServer() throws IOException { askRunner("@crash"); }

  /** The runner owns the server; it answers with a line. */
  private static void askRunner(String request) throws IOException {
    System.out.println(request);
    RUNNER.readLine();
  }
}
