/// A vector index: finds the vectors nearest to a query among those inserted and not erased. It knows slots and
/// vectors, not rows: the caller maps its keys to slots and back.
///
/// An index is a graph plus a fresh list. An inserted vector is in the fresh list, which every search scans, and so is
/// found by the next search; the index's own threads link it into the graph. Where a scan is cheaper than a walk, the
/// answer is exact.
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sagitta/ann/metric.h"
#include "sagitta/base/budget.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

namespace sagitta::ann {

/// The place of one vector in an index. Reused after erase, once nobody who might have seen the old vector still looks.
enum class Slot : uint32_t {};
inline constexpr Slot kNoSlot{UINT32_MAX};

/// How vectors are stored: what the user pays for in memory. At kI8 the stored vector is an 8-bit code, and distances
/// are estimates unless SearchParams::full_vector is given.
enum class Level : uint8_t { kF32, kF16, kBf16, kI8 };
/// "f32", "f16", "bf16", "i8".
std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view name);

/// One configuration for all data: kFast keeps half as many links again as kCompact (2 × connections a vector) and, but
/// under kDot, a sketch of 12 bytes beside each; from 512 dimensions on also a finer code of each vector. It takes half
/// as long again to build. Its searches need fewer steps, a third of the looks at codes in each, and fewer vectors.
enum class Profile : uint8_t { kCompact, kFast };
/// "compact", "fast".
std::string_view to_string(Profile profile);
std::optional<Profile> parse_profile(std::string_view name);

/// When a vector stops being found, in microseconds since the epoch.
enum class Expiry : int64_t { kNever = INT64_MAX };

struct IndexOptions {
  uint32_t dim = 0;  ///< 1 … limits::kVectorDimMax
  Metric metric = Metric::kCosine;
  Level level = Level::kF32;
  Profile profile = Profile::kCompact;
  uint32_t connections = 16;        ///< links a graph node keeps, 1 … 512
  uint32_t expansion_add = 128;     ///< candidates looked at when a node is linked
  uint32_t expansion_search = 100;  ///< default beam width of a search
  uint32_t link_threads = 1;  ///< threads of its own that link fresh vectors, 0 … 64. 0: inserts and settle() do it
  /// How long an insert may look for room in a full fresh list; meanwhile it links what is there. 0 … 1 h.
  std::chrono::microseconds insert_wait = std::chrono::seconds(10);
  MemoryBudget* budget = nullptr;  ///< charged for everything the index keeps; must outlive it. Null: unlimited
};

/// A set of slots. Runs of 4,096 slots without one cost a walk over it next to nothing.
class SlotBitmap {
 public:
  void set(Slot slot) {
    const auto at = static_cast<size_t>(slot) / 64;
    if (at >= words_.size()) words_.resize(at + 1);
    if (at / 64 >= occupied_.size()) occupied_.resize(at / 64 + 1);
    count_ += static_cast<size_t>(!test(slot));
    words_[at] |= bit(static_cast<size_t>(slot));
    occupied_[at / 64] |= bit(at);
  }
  void clear(Slot slot) {
    if (!test(slot)) return;
    const auto at = static_cast<size_t>(slot) / 64;
    words_[at] &= ~bit(static_cast<size_t>(slot));
    if (words_[at] == 0) occupied_[at / 64] &= ~bit(at);
    --count_;
  }
  /// Clears all, and keeps the memory.
  void reset() {
    words_.clear();
    occupied_.clear();
    count_ = 0;
  }
  bool test(Slot slot) const {
    const auto at = static_cast<size_t>(slot) / 64;
    return at < words_.size() && (words_[at] & bit(static_cast<size_t>(slot))) != 0;
  }
  /// The 64 slots from 64 × `i`, a bit for each.
  uint64_t word(size_t i) const { return i < words_.size() ? words_[i] : 0; }
  /// Calls `visit(i, word(i))` for each word that is not 0, in order.
  template <class Visit>
  void for_each_word(Visit visit) const {
    for (size_t i = 0; i < occupied_.size(); ++i)
      each_bit(occupied_[i], i * 64, [&](size_t at) { visit(at, words_[at]); });
  }
  /// Calls `visit(Slot)` for each, in order.
  template <class Visit>
  void for_each(Visit visit) const {
    for_each_word([&](size_t at, uint64_t word) {
      each_bit(word, at * 64, [&](size_t slot) { visit(static_cast<Slot>(slot)); });
    });
  }
  /// How many are set.
  size_t count() const { return count_; }
  size_t bytes() const { return (words_.capacity() + occupied_.capacity()) * sizeof(uint64_t); }

 private:
  static uint64_t bit(size_t at) { return uint64_t{1} << (at % 64); }
  template <class Visit>
  static void each_bit(uint64_t word, size_t first, Visit visit) {
    for (; word != 0; word &= word - 1) visit(first + static_cast<size_t>(std::countr_zero(word)));
  }

  std::vector<uint64_t> words_;
  std::vector<uint64_t> occupied_;  // a bit for each word that is not 0
  size_t count_ = 0;
};

/// A predicate's answer. kStop ends the search: the predicate has failed (it keeps the reason) or had enough. What it
/// has accepted may not all be given then.
enum class Verdict : uint8_t { kReject, kAccept, kStop };

/// Which slots may be answers. Both may be given: the bitmap is asked first. A predicate is asked at most once a slot
/// per cursor, about nearest slots first, for as many as it takes to find k, or to see what part passes near the query.
/// Where that would be so many that testing all first may be cheaper, a few dozen slots are tested to see what a test
/// costs, and then perhaps all, in any order: an accepted slot need not be given, and a verdict holds for the rest of
/// the cursor. Tests may run in open().
struct Filter {
  const SlotBitmap* bitmap = nullptr;  ///< must outlive the cursor and not change
  std::function<Verdict(Slot)> predicate;
  double selectivity = 1.0;  ///< estimate of the part that passes both, for choosing between walking and scanning
};

struct SearchParams {
  uint32_t k = 10;
  uint32_t beam_width = 0;  ///< of the graph walk; 0: options.expansion_search
  float oversampling = 1;   ///< with full_vector: k × this many candidates are rescored, 1 … 100
  /// Rescoring: writes the full vector of a slot, as inserted, into the span; false when it has none (the candidate
  /// then keeps its estimate). Null: candidates are ordered by their stored vectors.
  std::function<bool(Slot, std::span<float>)> full_vector;
  Filter filter;
  int64_t now_us = INT64_MIN;  ///< vectors whose expiry is not after this are not found
  Deadline deadline;           ///< with `clock`: when passed, also between two full vectors, the answer is what was
                               ///< found so far
  const Clock* clock = nullptr;
  uint64_t distances_max = UINT64_MAX;  ///< work budget: distances this search may compute, to within a step
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
  uint64_t distances = 0;        ///< distances computed, by codes or, in some scans, by vectors
  uint64_t refined = 0;          ///< of those by codes, made better by fine codes
  uint64_t rescored = 0;         ///< computed besides, by the stored or full vectors of what codes had found
  uint64_t predicate_tests = 0;  ///< calls of the filter's predicate
};

/// Ascending by distance, ties by slot.
struct SearchAnswer {
  std::vector<Candidate> candidates;
  SearchStats stats;
};

/// Bytes the index keeps, by part. Their sum is what the budget is charged.
struct MemoryUse {
  size_t vectors_bytes = 0;  ///< at kI8, of the whole vectors that were there before the codes
  size_t codes_bytes = 0;    ///< what the walk reads in place of vectors
  size_t fine_bytes = 0;     ///< codes by which candidates are looked at again before their vectors are
  size_t graph_bytes = 0;    ///< links
  size_t slots_bytes = 0;    ///< state, expiry and list link of each slot, and a bit
  size_t scratch_bytes = 0;  ///< buffers kept between searches; what a running search holds is its own
  size_t total_bytes() const {
    return vectors_bytes + codes_bytes + fine_bytes + graph_bytes + slots_bytes + scratch_bytes;
  }
};

struct IndexCounts {
  size_t live = 0;       ///< vectors that can be found (expired ones included until erased)
  size_t fresh = 0;      ///< of those, in the fresh list: not linked yet
  size_t capacity = 0;   ///< slots that have memory
  size_t retired = 0;    ///< erased, waiting for searches that may have seen them
  size_t reserved = 0;   ///< slots that reservations keep
  size_t unsettled = 0;  ///< linked or unlinked since it was last seen to that a walk can reach every vector
};

class Index;
class EpochGate;
class Search;

/// Keeps slots that are erased from now on from being reused while it lives, so that the number of one that was live
/// still means the same vector. Cheap; hold it for a request, not longer. Movable.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

 private:
  friend class EpochGate;
  Pin(EpochGate* gate, uint64_t epoch) : gate_(gate), epoch_(epoch) {}
  EpochGate* gate_ = nullptr;
  uint64_t epoch_ = 0;
};

/// What an insert may fill: room that nobody has reserved, or the room that reserve() keeps as well.
enum class Room : uint8_t { kUnreserved, kReserved };

/// Whether reserved vectors are new or will take the place of others. An index that is full keeps some room for the
/// latter, so that replacing goes on.
enum class Incoming : uint8_t { kNew, kReplacing };

/// Room in an index for vectors that are still to come, given back when this is destroyed. Movable, any thread; must
/// not outlive its index.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();
  /// Vectors that there is room for.
  size_t count() const { return count_; }

 private:
  friend class Index;
  Reservation(std::atomic<size_t>& reserved, size_t count) : reserved_(&reserved), count_(count) {}
  std::atomic<size_t>* reserved_ = nullptr;  // of the index; counts this reservation
  size_t count_ = 0;
};

/// A search that goes on: each call gives the next best candidates, never one twice, without starting over. Vectors
/// inserted after the cursor was opened may be missing; one erased meanwhile is given only if the predicate accepts it
/// (who knows where the vector went), and not without a predicate. Holds a Pin. Movable, one thread at a time, must not
/// outlive its index.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  /// Appends up to `count` candidates that pass the filter, nearest first, in general farther ones with each call;
  /// returns how many. Fewer than `count` when there are no more, or when a budget or the predicate ended the search
  /// (see stats()).
  size_t next(size_t count, std::vector<Candidate>& out);
  const SearchStats& stats() const;

 private:
  friend class Index;
  struct Impl;
  explicit Cursor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Thread-safe, all of it. Searches never wait for a lock or a writer. Writers hold a lock for moments; the linking
/// that costs is done beside it, by the index's threads and by writers that meet a full fresh list.
class Index {
 public:
  /// kInvalid for options out of range, kOverloaded when the budget is full at once.
  static Result<std::unique_ptr<Index>> make(const IndexOptions& options);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  /// The new vector is found by every search that begins after this returns. kInvalid as check_vector; kOverloaded at
  /// the memory ceiling, or when the fresh list stays full for options.insert_wait (nothing changed). With
  /// Room::kReserved it fills reserved room, and waits for the fresh list as long as it takes: for the holder of a
  /// reservation, or for whoever inserts on its behalf.
  Result<Slot> insert(std::span<const float> vector, Expiry expiry = Expiry::kNever, Room room = Room::kUnreserved);
  /// Keeps room for `count` vectors, so that as many inserts or replaces with Room::kReserved find memory. Each of them
  /// takes a slot at once, and the reservation keeps its own until it is destroyed: destroy it when they are done.
  /// kOverloaded names what is full, in numbers; nothing is kept then. At the memory ceiling erased vectors make room,
  /// once no pin and no save under way is as old as their erasing. Memory that was taken for a reservation stays with
  /// the index.
  Result<Reservation> reserve(size_t count, Incoming incoming = Incoming::kNew);
  /// What an insert does before it puts its vector into a full fresh list: links what is there, or waits for those who
  /// do. An only writer that calls this first inserts without either. kOverloaded as insert.
  Status make_room(Room room = Room::kUnreserved);
  /// Not found by any search that begins after this returns. False when the slot is not live.
  bool erase(Slot slot);
  /// insert, then erase of `old` (if live): a search meanwhile sees the old vector, the new, or both. Returns the new
  /// slot; on an error the old vector stays. Where others erase too, hold a pin since `old` was known to be live: else
  /// it may be another's by now.
  Result<Slot> replace(Slot old, std::span<const float> vector, Expiry expiry = Expiry::kNever,
                       Room room = Room::kUnreserved);
  /// False when the slot is not live.
  bool set_expiry(Slot slot, Expiry expiry);
  /// Appends up to `most` live slots whose expiry is not after `now_us`. They keep their memory until they are erased.
  void expired(int64_t now_us, size_t most, std::vector<Slot>& out) const;
  /// Erases all.
  void clear();

  /// kInvalid for a query that check_vector refuses, or k = 0.
  Result<SearchAnswer> search(std::span<const float> query, const SearchParams& params) const;
  /// The same into an answer whose memory is used again. Then nothing is allocated, once the index has kept the buffers
  /// of earlier searches: of as many at once as there are processors, 4 at least.
  Status search(std::span<const float> query, const SearchParams& params, SearchAnswer& answer) const;
  /// As search, whose `k` is then a hint of how many will be asked for.
  Result<Cursor> open(std::span<const float> query, const SearchParams& params) const;
  /// distances[i] becomes the exact distance to slots[i], +infinity when it is not live. The spans have the same size;
  /// hold a pin since the slots were learnt.
  Status score(std::span<const float> query, std::span<const Slot> slots, std::span<float> distances) const;
  Pin pin() const;
  /// Waits, and helps, until the fresh list is empty, the links around erased vectors are repaired and every vector can
  /// be reached. With writers beside it, until there was such a moment. An index of few vectors has no graph: they stay
  /// in the fresh list.
  void settle();
  bool is_live(Slot slot) const;

  /// Writes what the index has now, `tag` with it, to a file; searches and writers go on. A vector that is erased
  /// meanwhile may be in it, one inserted meanwhile may not. At kI8, below 128 vectors, this learns codes from those
  /// there are, for good. After an error or a crash the file holds what it held
  /// before. Erased slots are not reused meanwhile; so a caller that also holds a pin, taken before and kept until it
  /// has noted which slots are whose, can replay its own journal over the file. kUnavailable when `*cancelled` (may be
  /// null) becomes true; kIo, kNoSpace.
  Status save(FileSystem& files, const std::string& path, BytesView tag = {},
              const std::atomic<bool>* cancelled = nullptr) const;
  /// The index of a file that save() wrote, slots as they were, mapped from it: the file must not be written to (save()
  /// and removing are no writing). All is verified first: kCorruption names the damage, kFormat a newer version,
  /// kInvalid other options than those it was saved with (dim, metric, level, profile, connections); kNotFound, kIo,
  /// and as make().
  static Result<std::unique_ptr<Index>> load(FileSystem& files, const std::string& path, const IndexOptions& options,
                                             Bytes* tag = nullptr);

  const IndexOptions& options() const;
  IndexCounts counts() const;
  MemoryUse memory() const;
  /// Verifies every invariant (see README.md); kCorruption names the first that does not hold. Stops writers meanwhile.
  /// That every vector can be reached is asked of a settled index only.
  Status check() const;

 private:
  friend class Cursor;
  friend class Search;
  struct Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sagitta::ann
