/// A second kind of index on vectors: it keeps them in a map and scores all of them.
/// `add_scan_kind` is all that a program does to have it: USING 'scan_index'.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "sagitta/index/kinds.h"
#include "sagitta/types/value.h"

namespace sagitta::index {

inline float euclidean_score(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return 1 / (1 + sum);
}

inline std::vector<float> floats_of(BytesView value) {
  std::vector<float> floats(value.size() / sizeof(float));
  types::to_floats(value, floats);
  return floats;
}

class ScanHits final : public Hits {
 public:
  ScanHits(std::vector<Hit> hits, const RowMap& rows, RowMap::Pin pin)
      : hits_(std::move(hits)), rows_(rows), pin_(std::move(pin)) {
    report_ = {.path = "exact", .distances = hits_.size()};
  }
  Status next(size_t count, std::vector<Hit>& out) override {
    const size_t given = std::min(count, hits_.size() - given_);
    const auto first = hits_.begin() + static_cast<std::ptrdiff_t>(given_);
    out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(given));
    given_ += given;
    return {};
  }
  BytesView key(RowNumber row) const override { return rows_.key(row); }
  const SearchReport& report() const override { return report_; }

 private:
  const std::vector<Hit> hits_;
  const RowMap& rows_;
  const RowMap::Pin pin_;
  size_t given_ = 0;
  SearchReport report_;
};

class ScanIndex final : public Index {
 public:
  using Index::Index;

  Stats stats() const override {
    std::shared_lock lock(mutex_);
    return {.rows = kept_.size()};
  }
  std::optional<Cover> covers(const Probe& probe) const override {
    if (!definition()->answers(probe)) return std::nullopt;
    const uint64_t kept = stats().rows;
    return Cover{.rows = std::min(kept, probe.limit), .cost = kept, .order = HitOrder::kByScore, .exact = true};
  }
  bool has(RowNumber row) const override {
    std::shared_lock lock(mutex_);
    return kept_.contains(row);
  }
  Result<std::unique_ptr<Hits>> open(const Probe& probe, const Filter& filter, int64_t now_s,
                                     const RequestContext&) const override {
    if (state() != State::kServing) return fail(ErrorCode::kUnavailable, "the index is being built");
    RowMap::Pin pin = rows()->pin();
    const std::vector<float> query = floats_of(std::get<Nearest>(probe.what).vector);
    std::map<RowNumber, Kept> kept;
    {
      std::shared_lock lock(mutex_);
      kept = kept_;
    }
    std::vector<Hit> hits;
    for (const auto& [row, one] : kept) {
      if (one.expires_s != 0 && one.expires_s <= now_s) continue;
      if (filter.rows != nullptr && !filter.rows->contains(row)) continue;
      const auto passes = filter.passes ? filter.passes(row, rows()->key(row)) : std::optional(true);
      if (!passes) break;
      if (*passes) hits.push_back({row, euclidean_score(query, one.vector), one.print});
    }
    std::ranges::stable_sort(hits, std::greater(), &Hit::score);
    return std::make_unique<ScanHits>(std::move(hits), *rows(), std::move(pin));
  }

 private:
  struct Kept {
    std::vector<float> vector;
    uint64_t print = 0;
    int64_t expires_s = 0;
  };

  Status do_update(const RowChange& change) override {
    std::unique_lock lock(mutex_);
    const rows::LiveCell* cell = change.now == nullptr ? nullptr : change.now->find(definition()->column().id);
    if (cell == nullptr) {
      kept_.erase(change.row);
    } else {
      kept_[change.row] = {floats_of(cell->value), fingerprint(*cell), cell->expires_s};
    }
    return {};
  }
  void do_clear() override {
    std::unique_lock lock(mutex_);
    kept_.clear();
  }

  mutable std::shared_mutex mutex_;
  std::map<RowNumber, Kept> kept_;
};

class ScanScorer final : public Scorer {
 public:
  explicit ScanScorer(BytesView query) : query_(floats_of(query)) {}
  std::optional<float> score(BytesView value) override { return euclidean_score(query_, floats_of(value)); }
  uint64_t work() const override { return 1; }

 private:
  const std::vector<float> query_;
};

class ScanDefinition final : public Definition {
 public:
  using Definition::Definition;
  bool answers(const Probe& probe) const override {
    return std::holds_alternative<Nearest>(probe.what) && probe.column_id == column().id;
  }
  std::string refuse(BytesView) const override { return {}; }
  std::unique_ptr<Scorer> scorer(const Probe& probe) const override {
    return std::make_unique<ScanScorer>(std::get<Nearest>(probe.what).vector);
  }
  std::string_view score_function() const override { return "similarity_euclidean"; }
  Result<std::shared_ptr<Index>> make(const schema::TableDefPtr& table, const Surroundings& with) const override {
    return std::make_shared<ScanIndex>(shared_from_this(), table, with.rows);
  }
};

class ScanKind final : public Kind {
 public:
  std::string_view name() const override { return "scan"; }
  bool claims(const Target& target) const override { return target.class_name == "scan_index"; }
  Status check_column(const Target& target) const override {
    if (target.column.type->is_float_vector()) return {};
    return fail(ErrorCode::kInvalid, "a scan index is of vectors");
  }
  Result<CheckedOptions> check_options(std::span<const WrittenOption> written, const Target&) const override {
    CheckedOptions options;
    for (const auto& [name, value] : written) options.stored[name] = value;
    return options;
  }
  DefinitionPtr define(const schema::IndexDef& def, const schema::ColumnDef& column) const override {
    return std::make_shared<ScanDefinition>(def, column);
  }
};

/// Once a process, however often it is called.
inline void add_scan_kind() {
  static const bool added = [] {
    add_kind(std::make_unique<ScanKind>());
    return true;
  }();
  static_cast<void>(added);
}

}  // namespace sagitta::index
