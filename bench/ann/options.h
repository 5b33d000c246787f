/// What the commands of this program share: where data is, how much of it, and how a figure is
/// judged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/base/result.h"
#include "sagitta/bench/dataset.h"
#include "sagitta/bench/subject.h"

namespace sagitta::bench {

struct Options {
  std::string work = "build/bench";  ///< folder of made sets
  std::vector<std::string> sets{"clustered128", "embed768"};
  std::string set_folder;          ///< a real set: base.f16, queries.f32, groundtruth.i32
  std::vector<std::string> peers;  ///< NAME=EXECUTABLE
  std::vector<std::string> own{"compact", "fast", "i8"};
  std::string beams = kDefaultBeams;
  std::string profile = "compact";
  std::string set = "clustered128";  ///< of the grids
  size_t rows = 0;                   ///< 0: as many as the command says by default
  size_t queries = 0;
  unsigned repetitions = 3;
  unsigned generations = 100;
  unsigned threads = 2;
  uint64_t seed = 20261120;
  bool predicate = false;  ///< filters are predicates, not bitmaps
  bool smoke = false;
};

/// Set by a grid's own default unless the command line said it.
inline size_t or_default(size_t said, size_t otherwise) { return said != 0 ? said : otherwise; }

/// A set as files.
struct SetFiles {
  std::string name, metric;
  std::string base, queries, truth;
  size_t rows = 0, query_count = 0;
  uint32_t dim = 0;
  double lid = 0;
};

/// Makes the set unless its files are there.
Result<SetFiles> prepare_set(const std::string& name, const Options& options);
/// The real set of options.set_folder.
Result<SetFiles> convert_set(const Options& options);

/// "goal", "must" or "MISSED".
enum class Better : uint8_t { kHigher, kLower };
std::string_view judge(double value, double must, double goal, Better better);

/// The profile of options.profile on a made set; `link_threads` as IndexOptions.
Result<ann::IndexOptions> index_options(const Options& options, const Generator& generator, uint32_t link_threads);
/// The smallest of the beams of `options` that reaches `recall`, or the last: measured on the
/// settled subject.
Result<BeamResult> beam_for(Subject& subject, const Options& options, Floats queries, Ids truth, double recall);

/// The commands. Each prints its table on stdout and what it does on stderr.
Status compare(const Options& options, const std::string& program);
Status filter_grid(const Options& options);
Status churn_grid(const Options& options);
Status concurrency_grid(const Options& options);
Status growth_grid(const Options& options);

}  // namespace sagitta::bench
