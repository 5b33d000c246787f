/// An index under measurement in a process of its own, and the text protocol by which it is driven
/// (bench/README.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/ann/metric.h"
#include "sagitta/base/result.h"
#include "sagitta/bench/matrix.h"
#include "sagitta/bench/measure.h"

namespace sagitta::bench {

/// What a process is told on its command line.
struct PeerOptions {
  std::string base, queries, truth;
  std::string metric = "cosine";
  std::string beams = "100";
  uint32_t k = 10;
  unsigned threads = 2;  ///< that build; queries come from one
};

/// An index that this program holds itself.
class Peer : public Searcher {
 public:
  /// Takes all rows, from `threads` threads. `base` outlives the peer.
  virtual Status build(Floats base, unsigned threads) = 0;
  /// Called before each measured beam.
  virtual void prepare() {}
  /// Makes the fresh list as long as it gets; returns its length. kInvalid for what has none.
  virtual Result<size_t> fill() { return fail(ErrorCode::kInvalid, "no fresh list"); }
};

/// The peers of this program: "compact", "fast" and "i8" are ours; "hnswlib" and "usearch" give
/// null when their headers were not there when it was built.
std::unique_ptr<Peer> make_peer(std::string_view name, ann::Metric metric, const MatrixFile& base);
bool is_own_peer(std::string_view name);

/// Null without the peer's headers.
std::unique_ptr<Peer> make_hnswlib(ann::Metric metric, uint32_t dim);
std::unique_ptr<Peer> make_usearch(ann::Metric metric, uint32_t dim);

/// Speaks the protocol on stdin and stdout as the peer `name`, until the input ends. Returns the
/// exit status.
int serve_peer(const std::string& name, const PeerOptions& options);

/// A peer as its driver sees it. Not thread-safe; its destructor ends the process.
class PeerProcess {
 public:
  /// Starts the program and waits until it has built its index. A peer that is not there gives
  /// kNotFound with the reason; one that fails, kServer.
  static Result<std::unique_ptr<PeerProcess>> start(const std::vector<std::string>& command,
                                                    const PeerOptions& options);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  double build_s() const { return build_s_; }
  double memory_bytes() const { return memory_bytes_; }
  Result<BeamResult> run(uint32_t beam);
  /// The length of the fresh list after making it as long as it gets.
  Result<size_t> fill();

 private:
  PeerProcess(int pid, int to, int from) : pid_(pid), to_(to), from_(from) {}
  Status await_ready();
  Status send(std::string line);
  /// The next line; kServer at the end of the output.
  Result<std::string> receive();

  int pid_, to_, from_;
  std::string unread_;
  double build_s_ = 0;
  double memory_bytes_ = 0;
};

/// "beam 10 recall 0.91 qps 1000 p50_us 9.5 p99_us 20": kProtocol for a line that is not so. Names
/// it does not know are passed over.
Result<BeamResult> parse_beam_result(const std::string& line);
std::string format_beam_result(const BeamResult& result);

}  // namespace sagitta::bench
