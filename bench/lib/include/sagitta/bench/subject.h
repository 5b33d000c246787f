/// Our own index as a benchmark drives it: rows in, ids out, built by concurrent single inserts.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/base/result.h"
#include "sagitta/bench/matrix.h"
#include "sagitta/bench/measure.h"

namespace sagitta::bench {

/// An index whose rows are those of a matrix. Inserting is the caller's to order; searches may run
/// from one thread per Subject::View.
class Subject {
 public:
  /// What ann::Index::make refuses.
  static Result<std::unique_ptr<Subject>> make(const ann::IndexOptions& options);

  /// Inserts rows [0, base.count) one by one from `threads` threads, and waits until all are
  /// linked. The error of the first insert refused.
  Status build(Floats base, unsigned threads);
  /// Room for rows [0, rows) and the slots that they may take; before the first insert.
  void reserve(size_t rows);
  /// Inserts the listed rows of `base` from `threads` threads, one by one. As build; does not wait
  /// for links.
  Status insert_all(Floats base, std::span<const uint32_t> rows, unsigned threads);
  /// One row, from any thread; `row` names it in answers until it is erased.
  Status insert(uint32_t row, std::span<const float> vector);
  bool erase(uint32_t row);
  Status replace(uint32_t row, std::span<const float> vector);
  /// Waits until the fresh list is empty, helped by `threads` threads; false when it never is.
  bool settle(unsigned threads);
  /// Replaces rows by themselves until the fresh list grows no more, so that it is as long as the
  /// index lets it be. Returns its length.
  Result<size_t> fill_fresh(Floats base);

  ann::Index& index() { return *index_; }
  uint32_t row_of(ann::Slot slot) const { return slots_to_rows_[static_cast<size_t>(slot)].load(kRelaxed); }
  ann::Slot slot_of(uint32_t row) const { return rows_to_slots_[row].load(kRelaxed); }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  explicit Subject(std::unique_ptr<ann::Index> index) : index_(std::move(index)) {}
  void note(uint32_t row, ann::Slot slot);

  std::unique_ptr<ann::Index> index_;
  std::vector<std::atomic<uint32_t>> slots_to_rows_;
  std::vector<std::atomic<ann::Slot>> rows_to_slots_;
};

/// One thread's searches of a subject.
class SubjectSearcher final : public Searcher {
 public:
  /// `params.k` and `params.beam_width` are set by each search. The subject must outlive it.
  SubjectSearcher(Subject& subject, ann::SearchParams params) : subject_(subject), params_(std::move(params)) {}
  size_t search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) override;
  Work take_work() override { return std::exchange(work_, {}); }
  ann::SearchParams& params() { return params_; }
  const ann::SearchStats& last_stats() const { return answer_.stats; }

 private:
  Subject& subject_;
  ann::SearchParams params_;
  ann::SearchAnswer answer_;
  Work work_;
};

/// Search parameters that rescore `oversampling` × k candidates by the rows of `base`, which must
/// outlive them. With 0: none.
ann::SearchParams rescoring_params(const Subject& subject, Floats base, float oversampling);

/// "l2" and "dot" besides the names of ann::parse_metric; kInvalid for any other.
Result<ann::Metric> metric_named(const std::string& name);
/// "10,20,40": kInvalid unless ascending numbers from 1 to 4096.
Result<std::vector<uint32_t>> parse_beams(const std::string& text);
/// Beam widths that span recall 0.8 … 0.999 on the sets of this folder.
inline constexpr const char* kDefaultBeams = "10,12,16,20,25,32,40,50,64,80,100,130,170,220,300,400,550,800";

}  // namespace sagitta::bench
