/// `sagitta serve`: the server process.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace sagitta {

struct ServeOptions {
  std::string data = "data";
  std::string cql = "127.0.0.1:9042";
  std::string http = "127.0.0.1:6080";
  std::string cluster_name = "Sagitta";
  std::string log_level = "info";
  /// 0: as the data directory has it, or one.
  uint32_t partitions = 0;
  uint32_t lanes = 0;
  int cores = 0;
  int workers = 2;
  uint64_t memory_mib = 2048;
  uint64_t block_cache_mib = 384;
  int64_t request_timeout_ms = 10'000;
  /// 0: none is logged.
  int64_t slow_query_ms = 500;
  uint64_t connections_max = 10'000;
  /// All of the above as they were given, by the names of the command line.
  std::map<std::string, std::string> as_given = {};
};

/// Serves until SIGTERM or SIGINT, then stops cleanly. Returns the exit status; a refusal to start
/// is one line on stderr.
int serve(const ServeOptions& options);

}  // namespace sagitta
