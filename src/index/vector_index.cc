#include "sagitta/index/vector_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <unordered_set>

#include "sagitta/base/assert.h"
#include "sagitta/index/vector_index_impl.h"
#include "sagitta/types/value.h"

namespace sagitta::index {
namespace {

/// Of which a save looks up the rows at once.
constexpr size_t kSlotsPerLock = 1024;

ann::Metric to_metric(Similarity similarity) {
  switch (similarity) {
    case Similarity::kCosine: return ann::Metric::kCosine;
    case Similarity::kEuclidean: return ann::Metric::kL2;
    case Similarity::kDotProduct: return ann::Metric::kDot;
  }
  return ann::Metric::kCosine;
}

Similarity to_similarity(std::string_view name) {
  const auto metric = ann::parse_metric(name);
  if (metric == ann::Metric::kL2) return Similarity::kEuclidean;
  if (metric == ann::Metric::kDot) return Similarity::kDotProduct;
  return Similarity::kCosine;
}

/// The option as a number, or `otherwise` when it is missing or no number.
template <class T>
T number_option(const schema::IndexDef& index, const std::string& name, T otherwise) {
  const auto found = index.options.find(name);
  if (found == index.options.end()) return otherwise;
  T value{};
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? value : otherwise;
}

ann::Expiry to_expiry(int64_t expires_s) {
  return expires_s == 0 ? ann::Expiry::kNever : ann::Expiry{expires_s * 1'000'000};
}

/// What has been applied cannot be refused: it waits as long as it may.
constexpr std::chrono::hours kInsertWait(1);

ann::IndexOptions ann_options(const VectorOptions& options, MemoryBudget& budget) {
  return {.dim = options.dim,
          .metric = to_metric(options.similarity),
          .profile = options.profile == Profile::kFast ? ann::Profile::kFast : ann::Profile::kCompact,
          .connections = options.maximum_node_connections,
          .expansion_add = options.construction_beam_width,
          .expansion_search = options.search_beam_width,
          .insert_wait = kInsertWait,
          .budget = &budget};
}

}  // namespace

uint64_t fingerprint(const rows::LiveCell& cell) {
  Bytes bytes = cell.value;
  put_big<int64_t>(bytes, cell.expires_s);
  return std::hash<Bytes>()(bytes);
}

namespace {

/// What a snapshot says of slots, put together with the vectors that it has.
struct LoadedRows {
  explicit LoadedRows(ann::Index& loaded) : vectors(loaded) {
    const size_t live = vectors.counts().live;
    slots.reserve(live + live / 8);
    keys.resize(vectors.counts().capacity);
    prints.resize(keys.size());
    owned.resize(keys.size());
  }

  // A slot that is not live was filled after the vectors were written, and a row's second entry
  // came after its first.
  Status add(const SnapshotRow& row) {
    if (row.slot == ann::kNoSlot) {
      refused.emplace(row.key, true);
      return {};
    }
    const auto at = static_cast<size_t>(row.slot);
    if (at >= keys.size() || !vectors.is_live(row.slot)) return {};
    if (owned[at]) return fail(ErrorCode::kCorruption, fmt::format("slot {} belongs to two rows", at));
    const auto [found, added] = slots.emplace(row.key, row.slot);
    if (!added) owned[static_cast<size_t>(std::exchange(found->second, row.slot))] = false;
    owned[at] = true;
    keys[at] = row.key;
    prints[at] = row.print;
    return {};
  }
  /// Vectors of no row go.
  void finish() {
    for (uint32_t at = 0; at < keys.size(); ++at) {
      if (!owned[at] && vectors.is_live(ann::Slot{at})) vectors.erase(ann::Slot{at});
    }
  }

  ann::Index& vectors;
  std::unordered_map<Bytes, ann::Slot> slots;
  std::vector<Bytes> keys;
  std::vector<uint64_t> prints;
  std::vector<bool> owned;
  std::unordered_map<Bytes, bool> refused;
};

/// Puts rows to a search's filter.
class Judge {
 public:
  /// `filter` may be null: all pass. Outlives the judge.
  explicit Judge(const RowFilter* filter) : filter_(filter) {}

  ann::Verdict operator()(const Bytes& key) const {
    const auto passes = filter_ != nullptr ? (*filter_)(key) : std::optional(true);
    if (!passes) return ann::Verdict::kStop;
    return *passes ? ann::Verdict::kAccept : ann::Verdict::kReject;
  }

 private:
  const RowFilter* const filter_;
};

/// The nearest hits of one search, each row once: of a vector that changes meanwhile both slots may
/// come up.
class Found {
 public:
  struct Hit {
    ann::Candidate candidate;
    Bytes key;
  };
  /// The row of a slot; nothing when it has none any more.
  using RowOf = std::function<std::optional<Bytes>(ann::Slot)>;

  explicit Found(size_t k) : k_(k) { hits_.reserve(k); }

  std::vector<Hit>& hits() { return hits_; }
  /// Until there are k, or the cursor has no more.
  void take_from(ann::Cursor& cursor, const RowOf& row_of) {
    std::vector<ann::Candidate> next;
    for (bool more = true; more && hits_.size() < k_;) {
      const size_t missing = k_ - hits_.size();
      next.clear();
      more = cursor.next(missing, next) == missing;
      for (const ann::Candidate& candidate : next) {
        if (auto key = row_of(candidate.slot)) add(candidate, *std::move(key));
      }
    }
    std::ranges::stable_sort(hits_, {}, [](const Hit& hit) { return hit.candidate.distance; });
  }
  /// Rows by key, with where their vectors are now.
  template <class Moved>
  void take_moved(const Moved& moved, const Judge& judge) {
    const bool full = hits_.size() >= k_;
    const float worst = full ? hits_.back().candidate.distance : std::numeric_limits<float>::infinity();
    for (const auto& [key, candidate] : moved) {
      if (rows_.contains(key) || (full && candidate.distance >= worst)) continue;
      const ann::Verdict verdict = judge(key);
      if (verdict == ann::Verdict::kStop) break;
      if (verdict == ann::Verdict::kAccept) add(candidate, key);
    }
    std::ranges::stable_sort(hits_, {}, [](const Hit& hit) { return hit.candidate.distance; });
    if (hits_.size() > k_) hits_.resize(k_);
  }

 private:
  void add(const ann::Candidate& candidate, Bytes key) {
    if (rows_.insert(key).second) hits_.push_back({candidate, std::move(key)});
  }

  const size_t k_;
  std::vector<Hit> hits_;
  std::unordered_set<Bytes> rows_;
};

}  // namespace

VectorOptions vector_options(const schema::IndexDef& index, const schema::TableDef& table) {
  VectorOptions options;
  const auto similarity = index.options.find("similarity_function");
  if (similarity != index.options.end()) options.similarity = to_similarity(similarity->second);
  const auto profile = index.options.find("profile");
  if (profile != index.options.end() && profile->second == "fast") options.profile = Profile::kFast;
  const schema::ColumnDef* column = table.find_column(index.column_id);
  if (column != nullptr) options.dim = column->type->dim();
  options.maximum_node_connections = number_option(index, "maximum_node_connections", options.maximum_node_connections);
  options.construction_beam_width = number_option(index, "construction_beam_width", options.construction_beam_width);
  options.search_beam_width = number_option(index, "search_beam_width", options.search_beam_width);
  options.oversampling = number_option(index, "oversampling", options.oversampling);
  const auto rescoring = index.options.find("rescoring");
  options.rescoring = rescoring != index.options.end() && rescoring->second == "true";
  return options;
}

std::string refuse_vector(Similarity similarity, std::span<const float> vector) {
  for (size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return fmt::format("element {} is {}", i, std::isnan(vector[i]) ? "NaN" : "infinite");
    }
  }
  if (similarity != Similarity::kCosine || std::ranges::any_of(vector, [](float v) { return v != 0; })) return {};
  return fmt::format("all elements from 0 to {} are zero, which cosine similarity does not support", vector.size() - 1);
}

VectorIndexImpl::VectorIndexImpl(schema::TableDefPtr table, schema::IndexDef def, VectorOptions options,
                                 std::unique_ptr<ann::Index> vectors, const Clock& clock)
    : table_(std::move(table)),
      def_(std::move(def)),
      options_(options),
      column_id_(def_.column_id),
      vectors_(std::move(vectors)),
      clock_(clock),
      scratch_(options.dim) {}

Result<std::shared_ptr<VectorIndexImpl>> VectorIndexImpl::make(const schema::TableDefPtr& table,
                                                               const schema::IndexDef& def, MemoryBudget& budget,
                                                               const Clock& clock) {
  const VectorOptions options = vector_options(def, *table);
  SAGITTA_TRY(auto vectors, ann::Index::make(ann_options(options, budget)));
  return std::shared_ptr<VectorIndexImpl>(new VectorIndexImpl(table, def, options, std::move(vectors), clock));
}

VectorIndex::Stats VectorIndexImpl::stats() const {
  std::shared_lock lock(mutex_);
  return {.vectors = slots_.size(), .refused = refused_.size(), .bytes = vectors_->memory().total_bytes()};
}

std::optional<Bytes> VectorIndexImpl::row_of(ann::Slot slot) const {
  std::shared_lock lock(mutex_);
  const auto at = static_cast<size_t>(slot);
  if (at >= keys_.size() || !slots_.contains(keys_[at])) return std::nullopt;
  return keys_[at];
}

Result<std::vector<VectorHit>> VectorIndexImpl::search(std::span<const float> query, size_t k, int64_t now_s,
                                                       const RowFilter* filter, const RequestContext& context) const {
  if (state_ != State::kServing)
    return fail(ErrorCode::kUnavailable, fmt::format("index {} is being built", def_.name));
  const uint64_t moves_before = moves();
  ann::SearchParams params{.k = static_cast<uint32_t>(k),
                           .now_us = now_s * 1'000'000,
                           .deadline = context.deadline,
                           .clock = &clock_,
                           .distances_max = context.distances_max};
  const Judge judge(filter);
  // Without a filter only what is found needs its row looked up.
  if (filter != nullptr) {
    params.filter.predicate = [&](ann::Slot slot) {
      const auto key = row_of(slot);
      return key ? judge(*key) : ann::Verdict::kReject;
    };
  }
  SAGITTA_TRY(ann::Cursor cursor, vectors_->open(query, params));
  Found found(k);
  found.take_from(cursor, [this](ann::Slot slot) { return row_of(slot); });
  const ann::SearchStats& stats = cursor.stats();
  if (context.search != nullptr) *context.search = {ann::to_string(stats.path), stats.expanded, stats.distances};
  if (stats.ended == ann::Ended::kDeadline) {
    return fail(ErrorCode::kReadTimeout, fmt::format("the deadline passed after {} distances", stats.distances));
  }
  if (stats.ended == ann::Ended::kWork) {
    return fail(ErrorCode::kWouldBlock, fmt::format("the search has computed {} distances", stats.distances));
  }
  if (stats.ended == ann::Ended::kNot) {
    SAGITTA_TRY(const auto moved, moved_since(moves_before, query));
    found.take_moved(moved, judge);
  }
  std::vector<VectorHit> hits = to_hits(found.hits());
  context.note([&] {
    return fmt::format("index {}: path {}, {} nodes expanded, {} distances, {} rows tested for {} hits", def_.name,
                       ann::to_string(stats.path), stats.expanded, stats.distances, stats.predicate_tests, hits.size());
  });
  return hits;
}

namespace {

/// Normalised vectors may be a rounding error longer than 1.
float score_of(Similarity similarity, float distance) {
  const float score = ann::similarity(to_metric(similarity), distance);
  return similarity == Similarity::kCosine ? std::clamp(score, 0.0F, 1.0F) : score;
}

}  // namespace

/// The cursor still pins the slots.
template <class Hits>
std::vector<VectorHit> VectorIndexImpl::to_hits(Hits& found) const {
  std::vector<VectorHit> hits;
  hits.reserve(found.size());
  std::shared_lock lock(mutex_);
  for (auto& hit : found) {
    hits.push_back({.row_key = std::move(hit.key),
                    .score = score_of(options_.similarity, hit.candidate.distance),
                    .fingerprint = prints_[static_cast<size_t>(hit.candidate.slot)]});
  }
  return hits;
}

uint64_t VectorIndexImpl::moves() const {
  std::shared_lock lock(mutex_);
  return moves_;
}

Result<VectorIndexImpl::Moved> VectorIndexImpl::moved_since(uint64_t moves_before, std::span<const float> query) const {
  std::shared_lock lock(mutex_);
  const ann::Pin pin = vectors_->pin();
  const size_t count = std::min<size_t>(moves_ - moves_before, moved_.size());
  Moved moved;
  for (auto key = moved_.end() - static_cast<std::ptrdiff_t>(count); key != moved_.end(); ++key) {
    const auto found = slots_.find(*key);
    if (found == slots_.end()) continue;
    ann::Candidate now{.slot = found->second};
    SAGITTA_CHECK(vectors_->score(query, std::span(&now.slot, 1), std::span(&now.distance, 1)));
    moved.emplace(*key, now);
  }
  return moved;
}

Status VectorIndexImpl::update(BytesView row_key, const rows::LiveRow* now) {
  ++changes_;
  const Bytes key(row_key);
  const rows::LiveCell* cell = now == nullptr ? nullptr : now->find(column_id_);
  if (cell == nullptr) {
    remove(key);
    return {};
  }
  types::to_floats(cell->value, scratch_);
  if (!refuse_vector(options_.similarity, scratch_).empty()) {
    remove(key);
    std::unique_lock lock(mutex_);
    refused_.emplace(key, true);
    return {};
  }
  return put(key, *cell);
}

Status VectorIndexImpl::put(const Bytes& row_key, const rows::LiveCell& cell) {
  const ann::Expiry expiry = to_expiry(cell.expires_s);
  const uint64_t print = fingerprint(cell);
  // Nobody else writes: so nothing is linked while searches wait for the lock, but at the memory
  // ceiling.
  SAGITTA_CHECK(vectors_->make_room());
  std::unique_lock lock(mutex_);
  refused_.erase(row_key);
  const auto found = slots_.find(row_key);
  // A new slot would hide the row from searches under way that have passed the place of it.
  if (found != slots_.end() && prints_[static_cast<size_t>(found->second)] == print) return {};
  const auto slot =
      found == slots_.end() ? vectors_->insert(scratch_, expiry) : vectors_->replace(found->second, scratch_, expiry);
  if (!slot) return fail(slot);
  if (found != slots_.end()) {
    ++moves_;
    moved_.push_back(row_key);
    if (moved_.size() > kMovedMax) moved_.pop_front();
  }
  const auto at = static_cast<size_t>(*slot);
  if (at >= keys_.size()) {
    keys_.resize(at + 1);
    prints_.resize(at + 1);
  }
  keys_[at] = row_key;
  prints_[at] = print;
  slots_[row_key] = *slot;
  return {};
}

void VectorIndexImpl::remove(const Bytes& row_key) {
  std::unique_lock lock(mutex_);
  refused_.erase(row_key);
  const auto found = slots_.find(row_key);
  if (found == slots_.end()) return;
  vectors_->erase(found->second);
  slots_.erase(found);
}

void VectorIndexImpl::clear() {
  ++changes_;
  std::unique_lock lock(mutex_);
  vectors_->clear();
  slots_.clear();
  refused_.clear();
}

Status VectorIndexImpl::save(const IndexFiles& files, const SnapshotHeader& header,
                             const std::atomic<bool>& cancelled) const {
  SAGITTA_CHECK(vectors_->save(files.files(), files.vectors_path(header), header.tag(), &cancelled));
  RowsWriter out(files.files(), files.rows_path(def_.id));
  SAGITTA_CHECK(out.open(header));
  SAGITTA_CHECK(save_rows(out));
  return out.finish();
}

// A few slots at a time, so that writers do not wait: of a row that moves meanwhile, both slots or
// neither may be seen, but then it is in the journal.
Status VectorIndexImpl::save_rows(RowsWriter& out) const {
  std::vector<SnapshotRow> rows;
  for (size_t begin = 0;; begin += kSlotsPerLock) {
    rows.clear();
    {
      std::shared_lock lock(mutex_);
      if (begin >= keys_.size()) break;
      for (size_t at = begin; at < std::min(keys_.size(), begin + kSlotsPerLock); ++at) {
        const auto found = slots_.find(keys_[at]);
        if (found == slots_.end() || static_cast<size_t>(found->second) != at) continue;
        rows.push_back({found->second, prints_[at], keys_[at]});
      }
    }
    for (const SnapshotRow& row : rows) SAGITTA_CHECK(out.add(row));
  }
  {
    std::shared_lock lock(mutex_);
    for (const auto& [key, refused] : refused_) rows.push_back({.key = key});
  }
  for (const SnapshotRow& row : rows) SAGITTA_CHECK(out.add(row));
  return {};
}

Result<log::Offset> VectorIndexImpl::load(const IndexFiles& files, log::Offset journal_from, MemoryBudget& budget) {
  RowsReader reader(files.rows_path(def_.id));
  SAGITTA_TRY(const SnapshotHeader header, reader.open(files.files()));
  if (header.index_id != def_.id) return fail(ErrorCode::kCorruption, files.rows_path(def_.id) + ": of another index");
  if (header.complete_to < journal_from) {
    return fail(ErrorCode::kInvalid, fmt::format("{} is complete to offset {}, but the journal begins at {}",
                                                 files.rows_path(def_.id), header.complete_to, journal_from));
  }
  Bytes tag;
  auto loaded = ann::Index::load(files.files(), files.vectors_path(header), ann_options(options_, budget), &tag);
  // Without its vectors it is a damaged snapshot, not none.
  if (!loaded && loaded.error().code() == ErrorCode::kNotFound) {
    return fail(ErrorCode::kCorruption, loaded.error().message());
  }
  if (!loaded) return fail(loaded);
  if (tag != header.tag()) return fail(ErrorCode::kCorruption, files.vectors_path(header) + ": of another snapshot");
  LoadedRows rows(**loaded);
  SAGITTA_CHECK(reader.for_each([&](const SnapshotRow& row) { return rows.add(row); }));
  rows.finish();
  std::unique_lock lock(mutex_);
  vectors_ = *std::move(loaded);
  slots_ = std::move(rows.slots);
  keys_ = std::move(rows.keys);
  prints_ = std::move(rows.prints);
  refused_ = std::move(rows.refused);
  return header.complete_to;
}

}  // namespace sagitta::index
