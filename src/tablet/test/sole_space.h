/// A TableSpace that is the only partition of its process.
#pragma once

#include "sagitta/tablet/table_space.h"

namespace sagitta::tablet {

/// Before the TableSpace, which it outlives.
class OwnIndexes {
 public:
  OwnIndexes(const index::SharedIndexes::Environment& environment, const index::SnapshotPlace& place)
      : shared_(environment, place) {}
  index::IndexSetPtr indexes() const { return shared_.published(); }
  bool ready() const { return shared_.ready(); }
  void stop(bool save = false) { shared_.stop(save); }

 protected:
  index::SharedIndexes shared_;
};

class SoleSpace : public OwnIndexes, public TableSpace {
 public:
  SoleSpace(kv::Store& store, Executor& workers, MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock,
            const index::SnapshotPlace& place = {}, const rows::SweepLimits& sweeps = {})
      : OwnIndexes({workers, memory, metrics, clock}, place), TableSpace(store, metrics, shared_, 0, sweeps) {}
};

}  // namespace sagitta::tablet
