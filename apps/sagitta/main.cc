#include <CLI/CLI.hpp>

#include "serve.h"

namespace {

/// Gives each option that the command line left out its value from the file. Throws CLI::Error for a name that is no
/// option.
void read_config(CLI::App& command, const std::string& path) {
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_file(path)) {
    CLI::Option* option = command.get_option_no_throw("--" + item.name);
    if (option == nullptr || item.name == "config")
      throw CLI::ConfigError("unknown name '" + item.name + "' in " + path);
    if (option->count() > 0) continue;
    option->add_result(item.inputs);
    option->run_callback();
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Sagitta: a real-time vector database that speaks CQL.");
  app.set_version_flag("--version", SAGITTA_VERSION);
  app.require_subcommand(1);

  sagitta::ServeOptions options;
  CLI::App* serve = app.add_subcommand("serve", "Serve CQL and HTTP from a data directory until SIGTERM.");
  serve->option_defaults()->always_capture_default();
  serve->add_option("--data", options.data, "Data directory; made if it is not there");
  serve->add_option("--cql", options.cql, "ADDRESS:PORT of the CQL native protocol");
  serve->add_option("--http", options.http, "ADDRESS:PORT of /healthz, /readyz and /metrics");
  serve->add_option("--cluster-name", options.cluster_name, "Name that drivers see in system.local");
  serve->add_option("--log-level", options.log_level, "debug, info, warn or error; the log goes to stderr");
  serve->add_option("--cores", options.cores, "Session threads; 0 = one for each processor");
  serve
      ->add_option("--workers", options.workers,
                   "Threads for reads that miss the cache and wide scans; index builds have one of their own")
      ->check(CLI::Range(1, 1024));
  serve->add_option("--memory", options.memory_mib, "Limit of accounted memory, MiB")->check(CLI::Range(64, 1 << 24));
  serve->add_option("--block-cache", options.block_cache_mib, "Row cache and write buffers within that limit, MiB")
      ->check(CLI::Range(16, 1 << 24));
  serve->add_option("--request-timeout", options.request_timeout_ms, "Deadline of a request, milliseconds")
      ->check(CLI::Range(1, 1 << 30));
  serve->add_option("--connections", options.connections_max, "Open connections for each listener")
      ->check(CLI::Range(1, 1 << 20));
  std::string config;
  serve->add_option("--config", config, "File with the same names, one `name = value` a line; the command line wins")
      ->check(CLI::ExistingFile);
  serve->parse_complete_callback([&] {
    if (!config.empty()) read_config(*serve, config);
  });
  CLI11_PARSE(app, argc, argv);
  return sagitta::serve(options);
}
