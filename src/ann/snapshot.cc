// Snapshots: saving the content of an index at one moment beside searches and inserts, and loading
// it.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sagitta/base/assert.h"

#include "index_impl.h"

namespace sagitta::ann {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are mapped as the file has them");
static_assert(sizeof(Codec::Factors) == 8);

constexpr uint32_t kSlotsPerCheck = 1U << 16;

template <class T>
BytesView bytes_of(const T* data, size_t count) {
  return {reinterpret_cast<const char*>(data), count * sizeof(T)};
}

SlotColumn column_of(PartKind kind) {
  return static_cast<SlotColumn>(static_cast<uint8_t>(kind) - static_cast<uint8_t>(PartKind::kVectors));
}

/// Reads a part that is not mapped.
Status read_part(const SnapshotSource& source, const Part& part, char* out) {
  SAGITTA_TRY(const size_t got, source.file->read(part.offset, part.bytes, out));
  if (got != part.bytes) return fail(ErrorCode::kCorruption, "the file became shorter while it was read");
  return {};
}

Status check_options(const SnapshotFooter& f, const IndexOptions& options, const SlotShape& shape) {
  const bool same = f.dim == options.dim && f.metric == options.metric && f.level == options.level &&
                    f.connections == options.connections && f.shape.vector_bytes == shape.vector_bytes &&
                    f.shape.code_bytes == shape.code_bytes && f.shape.links_bytes == shape.links_bytes &&
                    f.shape.fine_bytes == shape.fine_bytes && f.code_bits == code_bits(options);
  if (same) return {};
  return fail(ErrorCode::kInvalid, "is of an index with other options");
}

}  // namespace

/// The slots of a snapshot. Each keeps its vector while the pin lives that was taken before the
/// capture.
struct Index::Impl::Captured {
  uint32_t end = 0;
  const Codec* codec = nullptr;
  std::vector<uint8_t> states;  // by slot
  std::vector<uint32_t> entries;

  bool is_live(uint32_t slot) const { return slot < end && (states[slot] & kSavedLive) != 0; }
  bool is_linked(uint32_t slot) const { return slot < end && (states[slot] & kSavedLinked) != 0; }
};

// A slot that is being linked counts as fresh. A slot that is neither fresh nor linked was inserted
// after the capture began.
Index::Impl::Captured Index::Impl::capture() {
  Captured captured;
  std::vector<uint32_t> unlinked;
  captured.entries.resize(Graph::kEntriesMax);
  {
    std::lock_guard lock(writer);
    // A snapshot holds no early vectors.
    if (options.level == Level::kI8 && codec() == nullptr && fresh.size() > 0) learn_codec({});
    captured.end = store.end();
    captured.codec = codec();
    fresh.scan(unlinked);
    captured.entries.resize(graph.entries(captured.entries.data()));
  }
  captured.states.resize(captured.end);
  for (uint32_t slot = 0; slot < captured.end && captured.codec != nullptr; ++slot) {
    if (store.is_live(slot) && store.meta(slot).linked) captured.states[slot] = kSavedLive | kSavedLinked;
  }
  for (uint32_t slot : unlinked) captured.states[slot] = store.is_live(slot) ? kSavedLive : 0;
  std::erase_if(captured.entries, [&](uint32_t slot) { return !captured.is_linked(slot); });
  return captured;
}

// Writes the slot's record, or zeros if the slot is not part of the snapshot.
Status Index::Impl::save_record(const Captured& captured, PartKind kind, uint32_t slot, Bytes& record,
                                SnapshotWriter& out) const {
  if (kind == PartKind::kStates) return out.append(bytes_of(&captured.states[slot], 1));
  if (kind == PartKind::kExpiries) {
    const int64_t expiry = captured.is_live(slot) ? store.meta(slot).expiry.load(std::memory_order_relaxed) : 0;
    return out.append(bytes_of(&expiry, 1));
  }
  const Column& column = store.column(column_of(kind));
  if (kind == PartKind::kLinks) return save_links(captured, slot, record, out);
  const bool has = captured.is_live(slot) && (kind == PartKind::kVectors || captured.codec != nullptr);
  if (has) return out.append(bytes_of(column.at(slot), column.record_bytes()));
  record.assign(column.record_bytes(), '\0');
  return out.append(record);
}

// Writes the links to slots of the snapshot, with their sketches, and the next copy that is part of
// it.
Status Index::Impl::save_links(const Captured& captured, uint32_t slot, Bytes& record, SnapshotWriter& out) const {
  std::vector<uint32_t> links(graph.degree());
  SketchBlock sketches;
  uint32_t kept = 0, copy = kNoLink;
  if (captured.is_linked(slot)) {
    const NodeLock lock(store.meta(slot));
    CopyRing ring(slot);
    do copy = ring.next(graph);
    while (copy != kNoLink && !captured.is_linked(copy));
    const uint32_t count = graph.neighbours(slot, links.data());
    if (graph.has_sketches()) graph.sketches(slot, sketches);
    for (uint32_t i = 0; i < count; ++i) {
      if (links[i] == slot || !captured.is_linked(links[i])) continue;
      if (graph.has_sketches()) sketches.set(kept, sketches.at(i));
      links[kept++] = links[i];
    }
  }
  links.resize(kept);
  record.assign(store.shape().links_bytes, '\0');
  graph.lay_out(links, copy, sketches, record);
  return out.append(record);
}

Status Index::Impl::save(FileSystem& files, const std::string& path, BytesView tag,
                         const std::atomic<bool>* cancelled) {
  const Pin pin = gate.enter();
  const Captured captured = capture();
  SAGITTA_TRY(SnapshotWriter out, SnapshotWriter::open(files, path, cancelled));
  Bytes record;
  for (const Part& part : SnapshotLayout(store.shape(), captured.end).parts) {
    SAGITTA_ASSERT(out.position() == part.offset);
    for (uint32_t slot = part.begin; slot < part.end; ++slot) {
      SAGITTA_CHECK(save_record(captured, part.kind, slot, record, out));
    }
    SAGITTA_ASSERT(out.position() == part.offset + part.bytes);
    SAGITTA_CHECK(out.pad());
  }
  SnapshotFooter footer{.dim = options.dim,
                        .metric = options.metric,
                        .level = options.level,
                        .connections = options.connections,
                        .shape = store.shape(),
                        .code_bits = code_bits(options),
                        .end = captured.end,
                        .has_codec = captured.codec != nullptr,
                        .entries = captured.entries,
                        .tag = Bytes(tag)};
  if (captured.codec != nullptr) {
    footer.unit = captured.codec->unit();
    footer.centre.assign(captured.codec->centre().begin(), captured.codec->centre().end());
    footer.neighbours = captured.codec->neighbours();
  }
  return out.finish(std::move(footer));
}

Status Index::Impl::load(const SnapshotSource& source) {
  const SnapshotFooter& footer = source.footer;
  SAGITTA_CHECK(check_options(footer, options, store.shape()));
  std::lock_guard lock(writer);
  if (footer.has_codec) {
    codec_owner_ = std::make_unique<const Codec>(options.metric, options.dim, footer.code_bits, footer.unit,
                                                 footer.centre, footer.neighbours);
    codec_.store(codec_owner_.get(), std::memory_order_release);
    store.stop_early();
  }
  SAGITTA_CHECK(store.restore(footer.end));
  SAGITTA_CHECK(load_columns(source));
  SAGITTA_CHECK(check_links(footer));
  restore_entries(footer.entries);
  repair_entries({});
  if (codec() == nullptr && fresh.size() >= kGraphMin) learn_codec({});
  // The capture may have met links between two states, so some vector may be unreachable.
  unsettled_ = store.live() > fresh.size() ? std::max<size_t>(store.live(), kGraphMin + 1) : 0;
  work_due.notify_all();
  return {};
}

Status Index::Impl::load_columns(const SnapshotSource& source) {
  std::vector<uint8_t> states(source.footer.end);
  std::vector<int64_t> expiries(source.footer.end);
  for (const Part& part : source.parts) {
    if (part.kind == PartKind::kStates) {
      SAGITTA_CHECK(read_part(source, part, reinterpret_cast<char*>(&states[part.begin])));
    } else if (part.kind == PartKind::kExpiries) {
      SAGITTA_CHECK(read_part(source, part, reinterpret_cast<char*>(&expiries[part.begin])));
    } else {
      SAGITTA_CHECK(store.column(column_of(part.kind)).map(part.segment, *source.file, part.offset, part.bytes));
    }
  }
  for (uint32_t slot = source.footer.end; slot-- > 0;) {
    const bool live = (states[slot] & kSavedLive) != 0, linked = (states[slot] & kSavedLinked) != 0;
    const bool needs_codec = linked || (live && options.level == Level::kI8);
    if (states[slot] > (kSavedLive | kSavedLinked) || (linked && !live) || (needs_codec && codec() == nullptr)) {
      return fail(ErrorCode::kCorruption, fmt::format("the state of slot {} is {}", slot, states[slot]));
    }
    store.restore_slot(slot, live ? std::optional(Expiry{expiries[slot]}) : std::nullopt, linked);
    if (!live || linked) continue;
    if (fresh.full()) return fail(ErrorCode::kCorruption, "too many slots are not linked");
    graph.clear(slot);  // whatever the file says: it gets its links when it is linked
    store.meta(slot).next = fresh.add(slot);
  }
  return {};
}

// Checks every link once, because walks trust links.
Status Index::Impl::check_links(const SnapshotFooter& footer) {
  const auto is_linked = [&](uint32_t slot) { return slot < footer.end && store.meta(slot).linked; };
  if (footer.entries.size() > Graph::kEntriesMax || !std::ranges::all_of(footer.entries, is_linked)) {
    return fail(ErrorCode::kCorruption, "the entries are not linked slots");
  }
  return in_parallel((size_t{footer.end} + kSlotsPerCheck - 1) / kSlotsPerCheck, [&](size_t i) -> Status {
    std::vector<uint32_t> links(graph.degree());
    const auto begin = static_cast<uint32_t>(i * kSlotsPerCheck);
    for (uint32_t slot = begin; slot < std::min(footer.end, begin + kSlotsPerCheck); ++slot) {
      const uint32_t count = graph.neighbours(slot, links.data());
      const auto wrong = [&](uint32_t other) { return other == slot || !is_linked(other); };
      const auto found = std::find_if(links.begin(), links.begin() + count, wrong);
      const uint32_t copy = graph.next_copy(slot);
      if (copy != kNoLink) graph.expect_copies();
      if (copy != kNoLink && wrong(copy))
        return fail(ErrorCode::kCorruption, fmt::format("slot {} has slot {} for a copy", slot, copy));
      if (found == links.begin() + count) continue;
      return fail(ErrorCode::kCorruption, fmt::format("slot {} links to slot {}", slot, *found));
    }
    return {};
  });
}

Status Index::save(FileSystem& files, const std::string& path, BytesView tag,
                   const std::atomic<bool>* cancelled) const {
  return impl_->save(files, path, tag, cancelled);
}

Result<std::unique_ptr<Index>> Index::load(FileSystem& files, const std::string& path, const IndexOptions& options,
                                           Bytes* tag) {
  SAGITTA_TRY(auto index, make(options));
  SAGITTA_TRY(const SnapshotSource source, read_snapshot(files, path));
  if (Status loaded = index->impl_->load(source); !loaded) {
    return fail(loaded.error().code(), fmt::format("{}: {}", path, loaded.error().message()));
  }
  if (tag != nullptr) *tag = source.footer.tag;
  return index;
}

}  // namespace sagitta::ann
