/// Where the server is and how a session speaks to it.
package conformance;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.ProgrammaticDriverConfigLoaderBuilder;
import java.net.InetSocketAddress;
import java.time.Duration;

record Place(int port, String version, String compression) {
  boolean isV5() { return version.equals("V5"); }

  /** What every session is told: nothing that changes what it says, but when. */
  ProgrammaticDriverConfigLoaderBuilder options() {
    ProgrammaticDriverConfigLoaderBuilder options = DriverConfigLoader.programmaticBuilder()
        .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(30))
        .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(200))
        .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(1))
        .withDuration(DefaultDriverOption.METADATA_SCHEMA_REQUEST_TIMEOUT, Duration.ofSeconds(30))
        .withDuration(DefaultDriverOption.METADATA_SCHEMA_WINDOW, Duration.ofMillis(10))
        .withString(DefaultDriverOption.PROTOCOL_COMPRESSION, compression);
    // The newest version is left for the driver to find.
    return isV5() ? options : options.withString(DefaultDriverOption.PROTOCOL_VERSION, version);
  }

  CqlSessionBuilder builder(ProgrammaticDriverConfigLoaderBuilder options) {
    return CqlSession.builder().addContactPoint(new InetSocketAddress("127.0.0.1", port)).withLocalDatacenter("datacenter1")
        .withConfigLoader(options.build());
  }

  CqlSession connect() { return builder(options()).build(); }
}
