#include "sagitta/bench/subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <numeric>
#include <thread>

#include "sagitta/base/assert.h"

namespace sagitta::bench {
namespace {

constexpr uint32_t kBeamMax = 4096;
/// Replacing rows makes slots beyond their number: those of retired vectors, and chunks.
constexpr size_t kSpareSlots = size_t{1} << 17;
/// fill_fresh stops when this many more replacements have left the fresh list no longer.
constexpr size_t kPatience = 4096;

}  // namespace

Result<std::unique_ptr<Subject>> Subject::make(const ann::IndexOptions& options) {
  SAGITTA_TRY(auto index, ann::Index::make(options));
  return std::unique_ptr<Subject>(new Subject(std::move(index)));
}

void Subject::reserve(size_t rows) {
  slots_to_rows_ = std::vector<std::atomic<uint32_t>>(rows + rows / 4 + kSpareSlots);
  rows_to_slots_ = std::vector<std::atomic<ann::Slot>>(rows);
  for (auto& slot : rows_to_slots_) slot.store(ann::kNoSlot, kRelaxed);
}

void Subject::note(uint32_t row, ann::Slot slot) {
  SAGITTA_ASSERT(static_cast<size_t>(slot) < slots_to_rows_.size());
  slots_to_rows_[static_cast<size_t>(slot)].store(row, kRelaxed);
  rows_to_slots_[row].store(slot, kRelaxed);
}

Status Subject::insert(uint32_t row, std::span<const float> vector) {
  SAGITTA_TRY(const ann::Slot slot, index_->insert(vector));
  note(row, slot);
  return {};
}

bool Subject::erase(uint32_t row) { return index_->erase(slot_of(row)); }

Status Subject::replace(uint32_t row, std::span<const float> vector) {
  SAGITTA_TRY(const ann::Slot slot, index_->replace(slot_of(row), vector));
  note(row, slot);
  return {};
}

Status Subject::insert_all(Floats base, std::span<const uint32_t> rows, unsigned threads) {
  std::mutex mutex;
  Status first;
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next.fetch_add(1); i < rows.size(); i = next.fetch_add(1)) {
      if (Status done = insert(rows[i], base.row(rows[i])); !done) {
        std::lock_guard lock(mutex);
        if (first) first = std::move(done);
        next = rows.size();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  }
  return first;
}

Status Subject::build(Floats base, unsigned threads) {
  reserve(base.count);
  std::vector<uint32_t> rows(base.count);
  std::iota(rows.begin(), rows.end(), 0U);
  SAGITTA_CHECK(insert_all(base, rows, threads));
  settle(threads);
  return {};
}

bool Subject::settle(unsigned threads) {
  std::vector<std::jthread> helpers;
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back([this] { index_->settle(); });
  index_->settle();
  helpers.clear();
  return index_->counts().fresh == 0;
}

Result<size_t> Subject::fill_fresh(Floats base) {
  size_t longest = index_->counts().fresh;
  size_t since = 0;
  for (uint32_t row = 0; row < base.count && since < kPatience; ++row, ++since) {
    SAGITTA_CHECK(replace(row, base.row(row)));
    const size_t fresh = index_->counts().fresh;
    if (fresh > longest) {
      longest = fresh;
      since = 0;
    }
  }
  return index_->counts().fresh;
}

size_t SubjectSearcher::search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) {
  params_.k = static_cast<uint32_t>(ids.size());
  params_.beam_width = beam;
  if (!subject_.index().search(query, params_, answer_)) return 0;
  work_.expanded += answer_.stats.expanded;
  work_.distances += answer_.stats.distances;
  const size_t count = std::min(ids.size(), answer_.candidates.size());
  for (size_t i = 0; i < count; ++i) ids[i] = subject_.row_of(answer_.candidates[i].slot);
  return count;
}

ann::SearchParams rescoring_params(const Subject& subject, Floats base, float oversampling) {
  ann::SearchParams params;
  if (oversampling <= 0) return params;
  params.oversampling = oversampling;
  params.full_vector = [&subject, base](ann::Slot slot, std::span<float> out) {
    std::ranges::copy(base.row(subject.row_of(slot)), out.begin());
    return true;
  };
  return params;
}

Result<ann::Metric> metric_named(const std::string& name) {
  if (name == "l2") return ann::Metric::kL2;
  if (name == "dot") return ann::Metric::kDot;
  if (const auto metric = ann::parse_metric(name)) return *metric;
  return fail(ErrorCode::kInvalid, fmt::format("no metric '{}'; there are cosine, l2 and dot", name));
}

Result<std::vector<uint32_t>> parse_beams(const std::string& text) {
  std::vector<uint32_t> beams;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    uint32_t beam = 0;
    const auto [next, error] = std::from_chars(at, end, beam);
    if (error != std::errc() || beam < 1 || beam > kBeamMax || (!beams.empty() && beam <= beams.back())) {
      return fail(ErrorCode::kInvalid, fmt::format("beams '{}': want ascending numbers from 1 to {}, with commas "
                                                   "between",
                                                   text, kBeamMax));
    }
    beams.push_back(beam);
    if (next == end) return beams;
    if (*next != ',') {
      return fail(ErrorCode::kInvalid, fmt::format("beams '{}': '{}' where a comma should be", text, *next));
    }
    at = next + 1;
  }
}

}  // namespace sagitta::bench
