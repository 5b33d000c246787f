/// A vector index: it finds the inserted vectors that are nearest to a query. It knows slots and
/// vectors, not rows: the caller maps its keys to slots and back.
///
/// An index is a graph plus a fresh list. An inserted vector goes into the fresh list, which every
/// search scans, so the next search finds it. Threads of the index link it into the graph later.
/// Where a scan is cheaper than a graph walk, the index scans, and the answer is exact.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sagitta/ann/options.h"
#include "sagitta/ann/query.h"
#include "sagitta/ann/slot.h"
#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

namespace sagitta::ann {

/// Bytes the index keeps, by part. Their sum is what the budget is charged.
struct MemoryUse {
  size_t vectors_bytes = 0;  ///< at kI8: of the whole vectors kept before the codec was learnt
  size_t codes_bytes = 0;    ///< codes and their factors, which a walk reads instead of vectors
  size_t fine_bytes = 0;     ///< fine codes, which are read before vectors are
  size_t graph_bytes = 0;    ///< links and sketches
  size_t slots_bytes = 0;    ///< state, expiry and list link of each slot, and one bit
  size_t scratch_bytes = 0;  ///< buffers kept between searches; a running search's own buffers are not counted
  size_t total_bytes() const {
    return vectors_bytes + codes_bytes + fine_bytes + graph_bytes + slots_bytes + scratch_bytes;
  }
};

struct IndexCounts {
  size_t live = 0;       ///< vectors that can be found, and expired ones not erased yet
  size_t fresh = 0;      ///< live vectors in the fresh list: not linked yet
  size_t capacity = 0;   ///< slots that have memory
  size_t retired = 0;    ///< erased; waiting for searches that may have seen them
  size_t reserved = 0;   ///< slots that reservations keep
  size_t unsettled = 0;  ///< links made and removed since the last pass that made every vector reachable
};

class Index;
class EpochGate;
class Search;

/// While a pin lives, no slot that is erased is reused, so the number of a slot that was live under
/// the pin still means the same vector. Cheap. Hold it for one request, not longer. Movable, any
/// thread; must not outlive its index.
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

/// Which room an insert may fill: only unreserved room, or also what reserve() keeps.
enum class Room : uint8_t { kUnreserved, kReserved };

/// Whether reserved vectors are new or will replace others. A full index keeps some room for
/// replaces, so that those go on.
enum class Incoming : uint8_t { kNew, kReplacing };

/// Room in an index for vectors still to come; the destructor gives it back. Movable, any thread;
/// must not outlive its index.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();
  /// The number of vectors there is room for.
  size_t count() const { return count_; }

 private:
  friend class Index;
  Reservation(std::atomic<size_t>& reserved, size_t count) : reserved_(&reserved), count_(count) {}
  std::atomic<size_t>* reserved_ = nullptr;  // of the index; includes this reservation
  size_t count_ = 0;
};

/// A search that can continue: each call gives the next best candidates, without starting over and
/// without duplicates. Vectors inserted after open() may be missing. A vector erased meanwhile is
/// given only if the predicate accepts it (the caller knows where the vector went); without a
/// predicate it is never given. Holds a Pin. Movable, one thread at a time, must not outlive its
/// index.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  /// Appends up to `count` candidates that pass the filter, nearest first; each call gives farther
  /// ones than the last, in general. Returns how many it appended: fewer than `count` when none are
  /// left, or when a budget or the predicate ended the search (see stats()).
  size_t next(size_t count, std::vector<Candidate>& out);
  const SearchStats& stats() const;

 private:
  friend class Index;
  struct Impl;
  explicit Cursor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Every function is thread-safe. Searches never wait for a lock or a writer. Writers hold a lock
/// for moments only; the expensive linking happens outside it, in the index's threads and in
/// writers that meet a full fresh list.
class Index {
 public:
  /// kInvalid for options out of range; kOverloaded when the budget is full already.
  static Result<std::unique_ptr<Index>> make(const IndexOptions& options);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  /// Every search that begins after this returns finds the vector. Errors: kInvalid as
  /// check_vector(); kOverloaded at the memory ceiling, or when the fresh list stays full for
  /// options.insert_wait. After an error nothing has changed. With Room::kReserved the insert may
  /// fill reserved room and waits for the fresh list without a limit; only the holder of a
  /// reservation, or a caller on its behalf, may use that.
  Result<Slot> insert(std::span<const float> vector, Expiry expiry = Expiry::kNever, Room room = Room::kUnreserved);
  /// Keeps room for `count` vectors: that many inserts or replaces with Room::kReserved find
  /// memory. Each of these takes a slot at once, and the reservation keeps its own slots until it
  /// is destroyed, so destroy it when they are done. kOverloaded names what is full, in numbers,
  /// and keeps nothing. At the memory ceiling an erased vector makes room once no pin and no
  /// running save is older than its erase. Memory taken for a reservation stays with the index.
  Result<Reservation> reserve(size_t count, Incoming incoming = Incoming::kNew);
  /// Does the waiting of an insert in advance: while the fresh list is full, it links vectors or
  /// waits for others to link them. A single writer that calls this first inserts without waiting.
  /// kOverloaded as insert().
  Status make_room(Room room = Room::kUnreserved);
  /// No search that begins after this returns finds the vector. False when the slot is not live.
  bool erase(Slot slot);
  /// insert(), then erase() of `old` if that is live. A search meanwhile sees the old vector, the
  /// new one, or both. Returns the new slot; after an error the old vector stays. Where other
  /// threads erase too, hold a pin taken while `old` was known to be live; otherwise the slot may
  /// hold another vector by now.
  Result<Slot> replace(Slot old, std::span<const float> vector, Expiry expiry = Expiry::kNever,
                       Room room = Room::kUnreserved);
  /// False when the slot is not live.
  bool set_expiry(Slot slot, Expiry expiry);
  /// Appends up to `most` live slots with an expiry ≤ `now_us`. They keep their memory until they
  /// are erased.
  void expired(int64_t now_us, size_t most, std::vector<Slot>& out) const;
  /// Erases all vectors.
  void clear();

  /// kInvalid for k = 0 and for a query that check_vector() refuses.
  Result<SearchAnswer> search(std::span<const float> query, const SearchParams& params) const;
  /// The same, into an answer whose memory is reused. This allocates nothing once the index has
  /// kept the buffers of enough earlier searches: it keeps max(4, processors) of them.
  Status search(std::span<const float> query, const SearchParams& params, SearchAnswer& answer) const;
  /// As search(); `k` is then a hint of how many candidates will be asked for.
  Result<Cursor> open(std::span<const float> query, const SearchParams& params) const;
  /// Writes to distances[i] the exact distance of slots[i] (at kI8 the estimate), +infinity when
  /// that slot is not live. The spans have the same size. Hold a pin since the slots were learnt.
  Status score(std::span<const float> query, std::span<const Slot> slots, std::span<float> distances) const;
  Pin pin() const;
  /// Helps and waits until the fresh list is empty, the links around erased vectors are repaired
  /// and every vector is reachable. With concurrent writers: until there was such a moment. An
  /// index of fewer than 128 vectors has no graph; its vectors stay in the fresh list.
  void settle();
  bool is_live(Slot slot) const;

  /// Writes the present content of the index and `tag` to a file; searches and writers go on. A
  /// vector erased meanwhile may be in the file; one inserted meanwhile may not. At kI8 with fewer
  /// than 128 vectors this learns the codec from those, for good. After an error or a crash the
  /// file holds what it held before. Erased slots are not reused during a save. So a caller can
  /// replay its own journal over the file, if it holds a pin taken before the save until it has
  /// noted the owner of each slot. Errors: kUnavailable when `*cancelled` (may be null) becomes
  /// true; kIo, kNoSpace.
  Status save(FileSystem& files, const std::string& path, BytesView tag = {},
              const std::atomic<bool>* cancelled = nullptr) const;
  /// Maps the index of a file that save() wrote; slots keep their numbers. Nobody may write to the
  /// file; save() and removal are safe, as they do not. The whole file is verified first. Errors:
  /// kCorruption names the damage; kFormat a newer version; kInvalid for options other than the
  /// saved ones (dim, metric, level, profile, connections); kNotFound, kIo, and as make().
  static Result<std::unique_ptr<Index>> load(FileSystem& files, const std::string& path, const IndexOptions& options,
                                             Bytes* tag = nullptr);

  const IndexOptions& options() const;
  IndexCounts counts() const;
  MemoryUse memory() const;
  /// Verifies every invariant (see README.md); kCorruption names the first broken one. Blocks
  /// writers meanwhile. Reachability is checked only if the index is settled.
  Status check() const;

 private:
  friend class Cursor;
  friend class Search;
  struct Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sagitta::ann
