/// What a search is asked for, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "sagitta/ann/slot.h"
#include "sagitta/base/clock.h"

namespace sagitta::ann {

/// A predicate's answer. kStop ends the search: the predicate has failed (and keeps the reason
/// itself) or has seen enough. Some slots it accepted may then be missing from the answer.
enum class Verdict : uint8_t { kReject, kAccept, kStop };

/// Which slots may be in an answer. With both a bitmap and a predicate, the bitmap is tested first.
///
/// A cursor calls the predicate at most once per slot. It asks about the nearest slots first, until
/// it has found k or knows which part passes near the query. Where testing all slots first may be
/// cheaper, it tests a few dozen slots to measure what a test costs, and then perhaps all slots, in
/// any order. So an accepted slot need not be in the answer, and a verdict holds for the life of
/// the cursor. open() may already call the predicate.
struct Filter {
  const SlotBitmap* bitmap = nullptr;  ///< must outlive the cursor and not change meanwhile
  std::function<Verdict(Slot)> predicate;
  double selectivity = 1.0;  ///< estimated part of all slots that passes both; helps to choose between walk and scan
};

struct SearchParams {
  uint32_t k = 10;
  uint32_t beam_width = 0;  ///< of the graph walk; 0: options.expansion_search
  float oversampling = 1;   ///< with full_vector: at least k × this many candidates are rescored, 1 … 100
  /// Rescores candidates: writes the full vector of a slot, as inserted, into the span. Returns
  /// false when the slot has none; the candidate then keeps its estimate. Null: candidates are
  /// ordered by their stored vectors.
  std::function<bool(Slot, std::span<float>)> full_vector;
  Filter filter;
  int64_t now_us = INT64_MIN;  ///< vectors with an expiry ≤ this are not found
  /// Needs `clock`. Once it has passed, the answer is what was found so far. Also checked between
  /// two full vectors.
  Deadline deadline;
  const Clock* clock = nullptr;
  uint64_t distances_max = UINT64_MAX;  ///< work budget: distances this search may compute, accurate to one step
};

struct Candidate {
  Slot slot = kNoSlot;
  float distance = 0;  ///< raw; see similarity()
};

enum class Path : uint8_t { kExact, kGraph };
std::string_view to_string(Path path);

/// Why a search stopped before it had k candidates or ran out of vectors.
enum class Ended : uint8_t { kNot, kDeadline, kWork, kPredicate };

struct SearchStats {
  Path path = Path::kExact;
  Ended ended = Ended::kNot;
  uint64_t expanded = 0;         ///< graph nodes whose links were followed
  uint64_t distances = 0;        ///< distances computed by codes or, in some scans, by vectors
  uint64_t refined = 0;          ///< estimates that a fine code improved
  uint64_t rescored = 0;         ///< distances computed in addition, by the stored or full vectors of candidates
  uint64_t predicate_tests = 0;  ///< calls of the filter's predicate
};

/// Candidates ascend by distance, ties by slot.
struct SearchAnswer {
  std::vector<Candidate> candidates;
  SearchStats stats;
};

}  // namespace sagitta::ann
