/// The binary: reads the command line and runs what it names.
#include <CLI/CLI.hpp>

#include "bench_ann.h"
#include "bench_cql/options.h"
#include "serve.h"
#include "verify.h"

namespace {

/// Gives each option that the command line left out its value from the file. Throws CLI::Error for
/// a name that is no option.
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

/// `bench ann`, with its options.
CLI::App* add_bench_ann(CLI::App& bench, sagitta::BenchAnnOptions& options) {
  CLI::App* ann = bench.add_subcommand("ann", "Build a vector index from files; a line of JSON for each beam width.");
  ann->option_defaults()->always_capture_default();
  ann->add_option("--base", options.base, "Vectors: u32 count, u32 dim, then row-major f32")->required();
  ann->add_option("--queries", options.queries, "Vectors, in the same form")->required();
  ann->add_option("--truth", options.truth, "Row numbers of the nearest: u32 count, u32 k, then u32 ids")->required();
  ann->add_option("--metric", options.metric, "cosine, l2 or dot")->required();
  ann->add_option("--k", options.k, "Neighbours to find")->check(CLI::Range(1, 1000));
  ann->add_option("--threads", options.threads, "Threads that insert")->check(CLI::Range(1, 256));
  ann->add_option("--query-threads", options.query_threads, "Threads that ask, one query per call; qps is of all")
      ->check(CLI::Range(1, 256));
  ann->add_option("--beams", options.beams, "Beam widths, ascending, with commas between");
  ann->add_option("--level", options.level, "f32, f16, bf16 or i8");
  ann->add_option("--profile", options.profile, "compact or fast");
  ann->add_option("--oversampling", options.oversampling,
                  "Rescore this many times k candidates by the mapped base file; 0: none")
      ->check(CLI::Range(0.0F, 100.0F));
  return ann;
}

/// `bench cql`, with its options.
CLI::App* add_bench_cql(CLI::App& bench, sagitta::BenchCqlOptions& options) {
  CLI::App* cql = bench.add_subcommand("cql", "Load a server of one's own over CQL, the bare engine beside it.");
  cql->option_defaults()->always_capture_default();
  cql->add_option("--set", options.set, "embed768, clustered128, copies or lengths");
  cql->add_option("--rows", options.rows, "Rows of the table that is asked")->check(CLI::Range(100, 100'000'000));
  cql->add_option("--ingest-rows", options.ingest_rows, "Rows of each ingest into a fresh table, at most --rows")
      ->check(CLI::Range(1, 100'000'000));
  cql->add_option("--workload", options.workloads,
                  "Of empty, read, ingest, ingest_plain, ann, ann_star, filtered, mixed; commas between");
  cql->add_option("--depth", options.depths, "Requests in flight on a connection; commas between");
  cql->add_option("--connections", options.connections, "Connections")->check(CLI::Range(1, 10'000));
  cql->add_option("--seconds", options.seconds, "Length of each measurement")->check(CLI::Range(0.01, 3600.0));
  cql->add_option("--rate", options.rate, "Requests a second in an open loop; 0: closed loops of the depths")
      ->check(CLI::Range(0.0, 1e7));
  cql->add_option("--rounds", options.rounds, "Rounds, all points in each; medians are shown")
      ->check(CLI::Range(1, 1000));
  cql->add_option("--profile", options.profile, "compact or fast, of the index");
  cql->add_option("--beam", options.beam, "Beam width of searches")->check(CLI::Range(1, 4096));
  cql->add_option("--k", options.k, "Neighbours to find")->check(CLI::Range(1, 1000));
  cql->add_option("--queries", options.queries, "Different queries")->check(CLI::Range(1, 1'000'000));
  cql->add_flag("!--no-figures", options.figures, "Without the ratios of a query and of a row");
  cql->add_option("--seed", options.seed, "Of the set");
  cql->add_option("--server", options.server, "Program that serves; else this one");
  cql->add_option("--partitions", options.partitions, "Log partitions of the server")->check(CLI::Range(1, 64));
  cql->add_option("--lanes", options.lanes, "Its threads that apply the log; 0: as it chooses")
      ->check(CLI::Range(0, 8));
  cql->add_option("--work", options.work, "Folder for the server's data; else a fresh one, removed at the end");
  return cql;
}

/// Every option of the command by its name, with its value or its default.
std::map<std::string, std::string> as_given(const CLI::App& command) {
  std::map<std::string, std::string> given;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames()[0] == "help") continue;
    given[option->get_lnames()[0]] = option->empty() ? option->get_default_str() : option->results().back();
  }
  return given;
}

/// `bench peer`, with its options.
CLI::App* add_bench_peer(CLI::App& bench, sagitta::BenchPeerOptions& options) {
  CLI::App* peer = bench.add_subcommand("peer", "Load a server of one's own and another that speaks CQL, in turns.");
  peer->option_defaults()->always_capture_default();
  peer->add_option("--cql", options.cql, "ADDRESS:PORT of the peer")->required();
  peer->add_option("--process", options.process, "The peer's process, on this machine")
      ->required()
      ->check(CLI::Range(1, 1 << 22));
  peer->add_option("--name", options.name, "What to call it");
  peer->add_option("--rows", options.rows, "Rows of the tables that are asked")->check(CLI::Range(100, 100'000'000));
  peer->add_option("--workload", options.workloads,
                   "Of empty, read, write, write_indexed, index, lwt_insert, lwt_update; commas between");
  peer->add_option("--depth", options.depth, "Requests in flight on a connection")->check(CLI::Range(1, 32'768));
  peer->add_option("--connections", options.connections, "Connections to each")->check(CLI::Range(1, 10'000));
  peer->add_option("--seconds", options.seconds, "Length of each measurement")->check(CLI::Range(0.01, 3600.0));
  peer->add_option("--warm", options.warm, "Seconds of all workloads before, on each")->check(CLI::Range(0.0, 3600.0));
  peer->add_option("--rounds", options.rounds, "Rounds, all workloads in each; medians are shown")
      ->check(CLI::Range(1, 1000));
  peer->add_option("--server", options.server, "Program of ours that serves; else this one");
  peer->add_option("--work", options.work, "Folder for its data; else a fresh one, removed at the end");
  return peer;
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
  serve
      ->add_option("--partitions", options.partitions,
                   "Log partitions, fixed when the data directory is made; 0 = as it has them, 1 in a new one")
      ->check(CLI::Range(0, 64));
  serve
      ->add_option("--lanes", options.lanes,
                   "Threads that apply the log, at most one a partition; 0 = half the processors, 1 to 8")
      ->check(CLI::Range(0, 8));
  serve->add_option("--cql", options.cql, "ADDRESS:PORT of the CQL native protocol");
  serve->add_option("--http", options.http, "ADDRESS:PORT of /healthz, /readyz and /metrics");
  serve->add_option("--cluster-name", options.cluster_name, "Name that drivers see in system.local");
  serve->add_option("--log-level", options.log_level, "debug, info, warn or error; the log goes to stderr");
  serve->add_option("--cores", options.cores, "Session threads; 0 = one for each processor");
  serve
      ->add_option("--workers", options.workers,
                   "Threads for reads that miss the cache and wide scans; index builds have one of their own")
      ->check(CLI::Range(1, 1024));
  serve
      ->add_option("--memory", options.memory_mib,
                   "Memory of the process, MiB: what its parts may charge is less, by 64 and an eighth")
      ->check(CLI::Range(64, 1 << 24));
  serve->add_option("--block-cache", options.block_cache_mib, "Row cache and write buffers within that limit, MiB")
      ->check(CLI::Range(16, 1 << 24));
  serve->add_option("--request-timeout", options.request_timeout_ms, "Deadline of a request, milliseconds")
      ->check(CLI::Range(1, 1 << 30));
  serve
      ->add_option("--slow-query-ms", options.slow_query_ms,
                   "Statements that take longer are logged, with their literals; 0 = none")
      ->check(CLI::Range(0, 1 << 30));
  serve->add_option("--connections", options.connections_max, "Open connections for each listener")
      ->check(CLI::Range(1, 1 << 20));
  std::string config;
  serve->add_option("--config", config, "File with the same names, one `name = value` a line; the command line wins")
      ->check(CLI::ExistingFile);
  serve->parse_complete_callback([&] {
    if (!config.empty()) read_config(*serve, config);
  });
  sagitta::BenchAnnOptions bench_ann_options;
  sagitta::BenchCqlOptions bench_cql_options;
  sagitta::BenchPeerOptions bench_peer_options;
  CLI::App* bench = app.add_subcommand("bench", "Measure a part of Sagitta.");
  bench->require_subcommand(1);
  const CLI::App* bench_ann = add_bench_ann(*bench, bench_ann_options);
  const CLI::App* bench_cql = add_bench_cql(*bench, bench_cql_options);
  const CLI::App* bench_peer = add_bench_peer(*bench, bench_peer_options);
  std::string verified;
  CLI::App* verify = app.add_subcommand("verify", "Compare every index of a data directory with its rows.");
  verify->add_option("directory", verified, "Data directory that no server has open")->required();
  CLI11_PARSE(app, argc, argv);
  if (verify->parsed()) return sagitta::verify(verified);
  if (bench_ann->parsed()) return sagitta::bench_ann(bench_ann_options);
  if (bench_cql->parsed()) return sagitta::bench_cql(bench_cql_options);
  if (bench_peer->parsed()) return sagitta::bench_peer(bench_peer_options);
  options.as_given = as_given(*serve);
  return sagitta::serve(options);
}
