/// Apache's Java driver: what an application does with it. usage: DriverSuite PORT VERSION COMPRESSION
package conformance;

import com.datastax.oss.driver.api.core.CqlSession;

public final class DriverSuite {
  public static void main(String[] arguments) {
    Place place = new Place(Integer.parseInt(arguments[0]), arguments[1], arguments[2]);
    CqlSession session = place.connect();
    session.execute("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    Checks checks = new Checks();
    new SchemaChecks(place, session).addTo(checks);
    new ValueChecks(place, session).addTo(checks);
    new StatementChecks(place, session).addTo(checks);
    new SearchChecks(session).addTo(checks);
    new LifeChecks(place, session).addTo(checks);
    checks.run();
  }
}
