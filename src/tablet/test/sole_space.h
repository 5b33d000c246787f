/// A TableSpace that is the only partition of its process, or has its indexes made for others too.
#pragma once

#include "sagitta/tablet/table_space.h"

namespace sagitta::tablet {

/// Before the TableSpace, which it outlives.
class OwnIndexes {
 public:
  OwnIndexes(const index::SharedIndexes::Environment& environment, const index::SnapshotPlace& place,
             log::Partition partitions)
      : shared_(environment, place, partitions) {}
  index::SharedIndexes& shared() { return shared_; }
  index::IndexSetPtr indexes() const { return shared_.published(); }
  bool ready() const { return shared_.ready(); }
  void stop(bool save = false) { shared_.stop(save); }

 protected:
  index::SharedIndexes shared_;
};

/// The first of `partitions`.
class SoleSpace : public OwnIndexes, public TableSpace {
 public:
  SoleSpace(kv::Store& store, Executor& workers, MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock,
            const index::SnapshotPlace& place = {}, const rows::SweepLimits& sweeps = {}, log::Partition partitions = 1)
      : OwnIndexes({workers, memory, metrics, clock}, place, partitions),
        TableSpace(store, metrics, shared_, 0, sweeps) {}
};

}  // namespace sagitta::tablet
