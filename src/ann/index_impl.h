/// The parts of an index, shared by its search, write, upkeep and snapshot sources.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "sagitta/ann/index.h"

#include "codec.h"
#include "epoch_gate.h"
#include "fresh_list.h"
#include "graph.h"
#include "linker.h"
#include "scratch.h"
#include "slot_store.h"
#include "snapshot_file.h"

namespace sagitta::ann {

CodeBits code_bits(const IndexOptions& options);

struct Index::Impl {
  /// Below this many vectors there is no graph: a scan is as fast, and the codec would learn from
  /// too few.
  static constexpr uint32_t kGraphMin = 128;
  /// How long an index must be idle before reconnect() runs: max(kIdle, kIdleTimes × its last
  /// duration), so that it takes at most a twentieth of the time.
  static constexpr std::chrono::seconds kIdle{1};
  static constexpr int kIdleTimes = 20;
  static_assert(kGraphMin <= FreshList::kCapacity, "a fresh list that is full before there is a codec stays full");

  explicit Impl(const IndexOptions& options);
  ~Impl();

  Result<Slot> insert(std::span<const float> vector, Expiry expiry, Room room, const Slot* replaced);
  /// Reserves `count` slots; store.reserved() counts them afterwards.
  Status reserve(size_t count, Incoming incoming);
  Status make_room(Room room);
  /// Links made and removed since the last pass that made every linked slot reachable.
  size_t unsettled() const { return unsettled_; }
  bool erase(Slot slot);
  bool set_expiry(Slot slot, Expiry expiry);
  void clear();
  void settle();
  Status check() const;
  Status save(FileSystem& files, const std::string& path, BytesView tag, const std::atomic<bool>* cancelled);
  /// Loads into an empty index. After an error the index is unusable.
  Status load(const SnapshotSource& source);

  const Codec* codec() const { return codec_.load(std::memory_order_acquire); }

  const IndexOptions options;
  mutable EpochGate gate;       // of searches: decides when a slot may be reused
  mutable EpochGate link_gate;  // of running links: decides when nobody can link to a retired slot any more
  SlotStore store;
  Graph graph;
  Linker linker;
  mutable FreshList fresh;
  mutable ScratchPool scratch;

 private:
  size_t kept_for_replacing() const;
  Status make_slots(std::unique_lock<std::mutex>& lock, size_t count, Room room, Incoming incoming);
  Status refuse_slots(size_t count, const Error& why);
  bool store_vector(uint32_t slot, Scratch& buffers);
  void encode(const Codec& codec, std::span<const float> stored, uint32_t slot, std::vector<float>& buffer);
  void learn_codec(std::span<const float> otherwise);
  bool retire(uint32_t slot);
  Status refuse_room() const;
  bool wait_for_room(std::unique_lock<std::mutex>& lock, Room room);
  void let_checks_pass(std::unique_lock<std::mutex>& lock);
  bool link_one(std::unique_lock<std::mutex>& lock);
  bool repair_is_due() const;
  bool repair(std::unique_lock<std::mutex>& lock);
  std::vector<uint32_t> unlink_buried();
  bool is_long(uint32_t slot) const;
  bool enter_as_long(uint32_t slot);
  void restore_entries(std::span<const uint32_t> entries);
  void repair_entries(std::span<const uint32_t> long_slots);
  bool reconnect_is_due() const;
  bool reconnect(std::unique_lock<std::mutex>& lock);
  bool was_idle(std::unique_lock<std::mutex>& lock);
  void run_worker();
  struct Captured;
  Captured capture();
  Status save_record(const Captured& captured, PartKind kind, uint32_t slot, Bytes& record, SnapshotWriter& out) const;
  Status save_links(const Captured& captured, uint32_t slot, Bytes& record, SnapshotWriter& out) const;
  Status load_columns(const SnapshotSource& source);
  Status check_links(const SnapshotFooter& footer);
  Status check_vectors() const;
  Status check_graph() const;

  std::atomic<const Codec*> codec_{nullptr};
  std::unique_ptr<const Codec> codec_owner_;

  mutable std::mutex writer;                // held to change slots, the fresh list or the entries
  mutable std::condition_variable changed;  // a link or a repair ended
  std::condition_variable work_due;         // there may be something to link or to repair
  SlotList buried_;                         // under repair
  bool repairing_ = false;
  uint32_t linking_ = 0;  // links under way
  mutable uint32_t checks_waiting_ = 0;
  std::atomic<size_t> unsettled_{0};                  // since reconnect() last ran
  std::chrono::steady_clock::duration idle_ = kIdle;  // reconnect() runs after this long with nothing to link
  bool stopping_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace sagitta::ann
