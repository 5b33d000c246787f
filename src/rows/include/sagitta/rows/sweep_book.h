/// The sweeps of a store, which are kept in Family::kMeta.
#pragma once

#include "sagitta/kv/store.h"
#include "sagitta/rows/sweeps.h"

namespace sagitta::rows {

/// One thread changes them, a record at a time: `begin_record`, any number of changes, then perhaps
/// `forget_record`; and `written` once the batch of one or more records is written.
class SweepBook {
 public:
  /// Those that the store has under way. kCorruption, kFormat, kIo.
  Status load(kv::Store& store);

  void begin_record();
  /// Begins one, which comes without a number; those it makes needless end.
  void begin(Sweep sweep, kv::Batch& batch);
  /// What is left of one begins at `from`.
  void go_on(uint64_t number, const Bytes& from, kv::Batch& batch);
  void end(uint64_t number, kv::Batch& batch);
  /// Back to where the record began.
  void forget_record();
  /// The batch of all records so far is written.
  void written() { written_last_ = last_; }

  /// With the changes of the record.
  const SweepsPtr& current() const { return current_; }
  /// Whether one was begun that is not written yet.
  bool has_begun_one() const { return last_ != written_last_; }

 private:
  void put(const Sweep& sweep, kv::Batch& batch);

  SweepsPtr current_ = std::make_shared<const Sweeps>(), before_ = current_;
  /// The last number that was given: in all, before the record, in what is written.
  uint64_t last_ = 0, last_before_ = 0, written_last_ = 0;
};

}  // namespace sagitta::rows
