/// The options of an index: what it stores, what it costs, and how it links.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sagitta/ann/metric.h"
#include "sagitta/base/budget.h"

namespace sagitta::ann {

/// How vectors are stored; this decides most of the memory. At kI8 the stored vector is an 8-bit
/// code, and distances are estimates unless SearchParams::full_vector is given.
enum class Level : uint8_t { kF32, kF16, kBf16, kI8 };
/// "f32", "f16", "bf16", "i8".
std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view name);

/// One trade-off for all data. kCompact keeps 2 × connections links a vector. kFast keeps 3 ×
/// connections, a sketch of 12 bytes beside each link (not under kDot), and from 512 dimensions on
/// a finer code of each vector (not at kI8). kFast takes about 1.5 × the build time; its searches
/// take fewer steps, read a third of the codes in each step, and read fewer vectors.
enum class Profile : uint8_t { kCompact, kFast };
/// "compact", "fast".
std::string_view to_string(Profile profile);
std::optional<Profile> parse_profile(std::string_view name);

struct IndexOptions {
  uint32_t dim = 0;  ///< 1 … limits::kVectorDimMax
  Metric metric = Metric::kCosine;
  Level level = Level::kF32;
  Profile profile = Profile::kCompact;
  uint32_t connections = 16;        ///< links of a graph node are a multiple of this, 1 … 512
  uint32_t expansion_add = 128;     ///< candidates a new node chooses its links from, 1 … 4096
  uint32_t expansion_search = 100;  ///< default beam width of a search, 1 … 4096
  uint32_t link_threads = 1;  ///< threads of the index that link fresh vectors, 0 … 64. 0: inserts and settle() link
  /// How long an insert may wait for room in a full fresh list; it links vectors meanwhile. 0 … 1
  /// h.
  std::chrono::microseconds insert_wait = std::chrono::seconds(10);
  MemoryBudget* budget = nullptr;  ///< charged for all memory the index keeps; must outlive it. Null: unlimited
};

}  // namespace sagitta::ann
