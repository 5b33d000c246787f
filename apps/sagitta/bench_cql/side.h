/// One of two servers under the same load: its process, its connections, its tables, and what is
/// asked of them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/async/runtime.h"
#include "sagitta/load/client.h"
#include "sagitta/load/loops.h"
#include "sagitta/load/server_process.h"

#include "measured.h"
#include "options.h"

namespace sagitta::cql_bench {

/// What may be asked of a side: "empty" (OPTIONS) and the statements of side.cc.
std::vector<std::string> side_workloads();
/// Rows of one tag: what a read by the index finds.
inline constexpr uint64_t kRowsPerTag = 5;
/// Bytes of a row's text.
inline constexpr size_t kPayloadBytes = 100;

class Side {
 public:
  /// Connects, makes the tables of a keyspace of its own, and fills them. `runtime` has one core
  /// and outlives the side. The server's own error when the keyspace is there already.
  static Result<std::unique_ptr<Side>> open(async::Runtime& runtime, const async::Endpoint& cql, pid_t process,
                                            const BenchPeerOptions& options);

  /// So many seconds of all `workloads`, a slice of each in turns; then waits until the server
  /// rests.
  Status warm(const std::vector<std::string>& workloads, double seconds);
  /// Asks for options.seconds. The CPU is that from rest to rest: flushes, compactions, collected
  /// garbage included, as far as the server does them by itself.
  Result<Measured> measure(const std::string& workload);
  /// Drops the keyspace.
  Status close();

  /// The release that the server says it is.
  const std::string& release() const { return release_; }
  /// What its process takes of a core when nobody asks, once it is warm.
  double idle() const { return idle_; }
  uint64_t failed() const { return failed_; }
  /// Answers with other rows than were asked for, or other decisions of conditional writes.
  uint64_t wrong() const { return wrong_; }

 private:
  Side(pid_t process, const BenchPeerOptions& options) : process_(process), options_(options) {}
  Status connect(async::Runtime& runtime, const async::Endpoint& cql);
  Status make_tables();
  Status fill(const std::string& table);
  Status prepare();
  Result<load::LoopResult> run(load::Workload& workload, const load::LoopOptions& loop);
  void watch_idle();

  const load::Process process_;
  const BenchPeerOptions options_;
  std::string release_;
  std::vector<load::ClientPtr> clients_;
  std::map<std::string, std::unique_ptr<load::Workload>> workloads_;
  double idle_ = 0;
  uint64_t failed_ = 0, wrong_ = 0;
};

}  // namespace sagitta::cql_bench
